//! The packet identity on captures of other people, where they are at hand.

use std::path::{Path, PathBuf};

use super::frames::decoder;
use crate::capture::{CaptureFiles, FileOptions, PacketSource, Pump};

#[test]
fn every_packet_of_the_shared_captures_is_accounted_for() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let files: Vec<PathBuf> = ["open", "hostile"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(shared.join(folder)).ok())
        .flat_map(|folder| folder.map(|entry| entry.unwrap().path()))
        .collect();
    if files.is_empty() {
        println!("skipped: there are no captures in {}", shared.display());
        return;
    }
    for path in files {
        // Whether a file is a capture at all is not decoding's question.
        let Ok(mut source) = CaptureFiles::open(std::slice::from_ref(&path), &FileOptions::default()) else {
            continue;
        };
        let mut decoder = decoder();
        let (mut frames, mut handed, mut out) = (0, 0, Vec::new());
        loop {
            let pumped = source.pump(1024, &mut |frame| {
                frames += 1;
                handed += u64::from(decoder.decode(frame).is_some());
                decoder.take_released(&mut out);
            });
            if !matches!(pumped, Ok(Pump::More | Pump::Idle(_))) {
                break;
            }
        }
        decoder.finish(&mut out);
        let ledger = decoder.ledger();
        assert!(ledger.balances(), "{}: {ledger:?}", path.display());
        assert_eq!(ledger.read, frames, "{}", path.display());
        assert_eq!(ledger.decoded, handed + u64::try_from(out.len()).unwrap(), "{}", path.display());
    }
}
