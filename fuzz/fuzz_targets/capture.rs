//! Fuzzes the entry `capture` of `whither::capture::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((_, entry)) = whither::capture::fuzz::TARGETS.iter().find(|(name, _)| *name == "capture") {
        entry(data);
    }
});
