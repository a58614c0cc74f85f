//! `scas simulate`: a simulator by itself. One file for each, and what they share in [`common`].

mod bed;
mod bed_files;
mod ca;
mod cmf;
mod common;
mod nfvo;
mod vim;
mod vnfci;
mod vnfcis;

use super::{Failure, Outcome};

/// Runs a simulator by itself until Ctrl-C, and prints its addresses.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    simulator: Simulator,
}

#[derive(clap::Subcommand)]
enum Simulator {
    /// The simulated NFVO: VNF packages, grants, a sink for notifications (SOL003), holding one signed VNF package
    ///
    /// Prints one line {"event":"ready",...} with its API root, the VNFD identifier it holds and the
    /// folder with certificates and keys that a VNFM needs.
    Nfvo(nfvo::Args),
    /// The simulated CMF with its CA: registration of delegates, and EST (RFC 7030)
    ///
    /// Prints one line {"event":"ready",...} with its addresses, the folder with certificates and keys that a
    /// VNFM needs, and the folder with the certificates of its CA.
    Cmf(cmf::Args),
    /// The simulated CA: certifies the requests that it is given, and publishes CRLs
    ///
    /// Prints one line {"event":"ready",...} with the address of CRLs and certificates, and the files it has written.
    Ca(ca::Args),
    /// The simulated VIM: Keystone v3, Heat, and what of Nova a VNFM looks at; boots simulated VNFCIs
    ///
    /// Prints one line {"event":"ready",...} with what OpenStack's clients need, and one
    /// {"event":"booted",...} for each server, with where its certificate and key were found. No key is printed.
    Vim(vim::Args),
    /// A simulated VNFCI: VNF configuration (SOL002), and a client of the VNF OAM endpoint
    ///
    /// Prints one line {"event":"ready",...} with its API root, and one {"event":"installed",...} for each
    /// certificate with its key that it is given. No key is printed.
    Vnfci(vnfci::Args),
    /// All of them together, as a VNFM in delegation mode needs them: NFVO, CMF with its CA, VIM, and the VNFCIs it boots
    ///
    /// Prints one line {"event":"ready",...} with all addresses and the configuration file for the reference VNFM that
    /// it has written, then one for each event. No key is printed.
    Bed(bed::Args),
}

/// Runs the subcommand.
pub fn run(args: Args) -> Outcome {
    super::runtime()?
        .block_on(async {
            match args.simulator {
                Simulator::Nfvo(args) => nfvo::run(&args).await,
                Simulator::Cmf(args) => cmf::run(&args).await,
                Simulator::Ca(args) => ca::run(&args).await,
                Simulator::Vim(args) => vim::run(&args).await,
                Simulator::Vnfci(args) => vnfci::run(&args).await,
                Simulator::Bed(args) => bed::run(&args).await,
            }
        })
        .map_err(Failure::Usage)?;
    Ok(0)
}
