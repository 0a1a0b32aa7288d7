//! Nanoseconds per packet of each stage of the packet path, on one thread, over one capture: what the stage costs is the
//! difference to the line before it.
//!
//!     cargo bench --bench stages -- CAPTURE        (scripts/bench makes a capture and runs this)
//!
//! Each line is the best of three runs, files in the page cache. The numbers are of the machine they were taken on.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench measures time and prints it"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use whither::capture::{CaptureFiles, FileOptions, PacketSource, Pump};
use whither::decode::{DecodeConfig, Decoder};
use whither::enrich::{EnrichConfig, Networks};
use whither::inspect::{InspectConfig, Inspector};
use whither::meter::{Meter, MeterConfig};

/// How far into the pipeline a run goes.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Upto {
    Capture,
    Decode,
    Meter,
    Inspect,
}

fn main() {
    let Some(path) = std::env::args().skip(1).find(|a| !a.starts_with("--")).map(PathBuf::from) else {
        println!("stages: give a capture: cargo bench --bench stages -- CAPTURE");
        return;
    };
    let mut before = 0.0;
    for (name, upto) in [
        ("capture", Upto::Capture),
        ("+ decode", Upto::Decode),
        ("+ meter", Upto::Meter),
        ("+ inspect", Upto::Inspect),
    ] {
        let (packets, nanos) = (0..3).map(|_| run(&path, upto)).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        let each = nanos / packets as f64;
        let rate = 1e3 / each;
        println!("{name:22} {each:7.1} ns/packet ({:+7.1})   {rate:6.2} M packets/s", each - before);
        before = each;
    }
}

/// Packets, and nanoseconds for all of them.
fn run(path: &PathBuf, upto: Upto) -> (u64, f64) {
    let options = FileOptions { hash: false, ..FileOptions::default() };
    let mut files = CaptureFiles::open(std::slice::from_ref(path), &options).unwrap();
    let mut decoder = Decoder::new(&DecodeConfig::default());
    let local = Networks::new(&EnrichConfig::default()).local();
    let inspector =
        if upto >= Upto::Inspect { Inspector::new(&InspectConfig::default()) } else { Inspector::off() };
    let mut meter = Meter::new(&MeterConfig::default(), Arc::clone(&local), inspector);
    let (mut packets, mut octets) = (0_u64, 0_u64);
    let mut out = Vec::new();
    let began = Instant::now();
    loop {
        let pumped = files.pump(4096, &mut |frame| {
            packets += 1;
            octets += u64::from(frame.wire_len);
            if upto >= Upto::Decode
                && let Some(packet) = decoder.decode(frame)
                && upto >= Upto::Meter
            {
                meter.observe(&packet, &mut out);
            }
        });
        out.clear();
        if pumped.unwrap() == Pump::End {
            break;
        }
    }
    meter.finish(&mut out);
    assert!(octets > 0, "the work was not done");
    (packets, began.elapsed().as_nanos() as f64)
}
