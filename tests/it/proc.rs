//! What is measured of a program that runs, to be printed and never asserted: time, and memory as the kernel has it (proc(5)).

use std::fs;
use std::time::Instant;

/// The time.
#[allow(clippy::disallowed_methods, reason = "a trial tells how long something took")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The most memory that the process has had in use by now, in KiB (`VmHWM`).
pub(crate) fn peak_memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}
