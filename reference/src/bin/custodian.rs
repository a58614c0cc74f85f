//! The key custodian by itself, as the tests of this crate start it.

use scas_reference::custodian::WipingAllocator;

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

fn main() -> anyhow::Result<()> {
    scas_reference::custodian::run()
}
