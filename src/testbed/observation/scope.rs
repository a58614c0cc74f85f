//! What a look does not reach: [`of_product`], [`of_wire`]. A product that hides a key there is not caught, so every report says so.

use crate::model::sut::{Ixit, OtherProcesses};

/// What no look into the product reaches.
pub(super) fn of_product(ixit: &Ixit) -> Vec<String> {
    let mut all = Vec::new();
    if !ixit.observe.via.is_empty() {
        all.extend([
            "what the VNFM's machine hides from a program that runs on it: whoever rules it can hide anything (ixit.observe.via)",
            "the processes there that carry what is read to the tester (the server of ixit.observe.via, other connections to it, what is above \
             it) and other readers of the tester's with what carries theirs; the record has their numbers",
        ]);
    }
    if ixit.observe.processes == OtherProcesses::Descendants {
        all.push(
            "processes that do not descend from the VNFM's command, nor from those that the profile names (ixit.observe.processes, ixit.observe.product)",
        );
    }
    all.push(if ixit.observe.exports.is_empty() {
        "the system's journal, data bases behind a server and whatever else is no file of the VNFM's, unless commands print it \
         (ixit.observe.exports)"
    } else {
        "what the commands of ixit.observe.exports leave out of what they print: the canary stands for the reading of it alone"
    });
    if !ixit.observe.dumps.is_empty() {
        all.push(
            "what the makers of memory dumps leave out (ixit.observe.dumps), and whose memory in them a find lies in: what such a dump holds \
             while a key is in use is taken for the VNFM's own",
        );
    }
    all.extend([
        "files outside the VNFM's folder, everybody's folders and its working folders, unless it holds them open or the profile \
         names them (ixit.observe.storage); blocks of deleted files, unless the profile names their device",
        "what the kernel holds for processes: keyrings, message queues, shared memory that nobody has mapped, data on its way through \
         pipes and sockets",
        "key material that is masked, encrypted, cut into pieces of fewer than 16 bytes, or in an encoding that is not in the list of \
         the record (base32, base58, base85, compressed text in base64 ...), and a seed from which a key could be made again",
        "the time between two looks, and a product that hides from them",
    ]);
    all.into_iter().map(str::to_owned).collect()
}

/// What no search of the exchanges reaches.
pub(super) fn of_wire() -> Vec<String> {
    [
        "what the VNFM sends to others than the tester's NFVO, CMF, VIM and VNFCI",
        "answers that the tester does not ask for",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_processes_are_out_of_reach_only_where_they_are_not_searched() {
        let loaded = crate::profile::reference().expect("a profile");
        let mut ixit = loaded.profile.ixit;
        let told = |ixit: &Ixit| of_product(ixit).join("\n").contains("do not descend");
        assert!(told(&ixit));
        ixit.observe.processes = OtherProcesses::All;
        assert!(!told(&ixit));
    }
}
