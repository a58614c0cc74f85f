//! `scas reference`: a reference product by itself.

use std::path::PathBuf;

pub use scas_reference::custodian::WipingAllocator;

use super::{Failure, Outcome};

/// Runs a reference product by itself, until SIGTERM or the end of its standard input.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    product: Product,
}

#[derive(clap::Subcommand)]
enum Product {
    /// The reference VNFM
    ///
    /// Prints one line {"event":"ready","apiRoot":"https://..."} once it accepts connections.
    Vnfm {
        /// Configuration (TOML); docs/reference-vnfm.md explains each label
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// What the reference VNFM starts for each operation that makes private keys; speaks JSON lines with it
    #[command(hide = true)]
    Custodian,
}

/// Runs the subcommand.
pub fn run(args: Args) -> Outcome {
    match args.product {
        Product::Vnfm { config } => super::runtime()?
            .block_on(scas_reference::vnfm::run(&config))
            .map_err(Failure::Usage)?,
        Product::Custodian => scas_reference::custodian::run().map_err(Failure::Harness)?,
    }
    Ok(0)
}
