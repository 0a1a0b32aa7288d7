//! Fuzzes the entry `dns_stream` of `whither::inspect::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(entry) = whither::inspect::fuzz::target("dns_stream") {
        entry(data);
    }
});
