//! The command `scas`. See `scas --help`.

use std::process::ExitCode;

use scas::cli::WipingAllocator;

/// As the system's allocator, until a key custodian (`scas reference custodian`) switches the wiping on.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

fn main() -> ExitCode {
    scas::cli::main()
}
