//! Fuzzes the entry `tls` of `whither::inspect::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(entry) = whither::inspect::fuzz::target("tls") {
        entry(data);
    }
});
