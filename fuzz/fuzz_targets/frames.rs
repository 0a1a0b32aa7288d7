//! Fuzzes the entry `frames` of `whither::decode::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((_, entry)) = whither::decode::fuzz::TARGETS.iter().find(|(name, _)| *name == "frames") {
        entry(data);
    }
});
