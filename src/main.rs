//! The command `scas`. See `scas --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    scas::cli::main()
}
