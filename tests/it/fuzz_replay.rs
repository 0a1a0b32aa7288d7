//! What the fuzz targets take, without a fuzzer: every file of the corpora, every past crash, and seeded mutations.

use std::fs;
use std::path::{Path, PathBuf};

use whither::{capture, decode, inspect};

/// Mutations of one seed; the same ones in every run.
const MUTATIONS: u64 = 300;
/// Bytes of an input that are mutated; longer ones only take longer.
const MOST_BYTES: usize = 8 << 10;

/// All targets: name and entry.
fn targets() -> impl Iterator<Item = &'static inspect::fuzz::Target> {
    inspect::fuzz::TARGETS.iter().chain(decode::fuzz::TARGETS).chain(capture::fuzz::TARGETS)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    found.sort();
    found
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }
}

/// A few changes of the kinds that break parsers: bits, lengths, cuts, repetitions.
fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            bytes.push(0);
        }
        let at = random.below(bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            3 => bytes.truncate(at),
            4 => {
                bytes.remove(at);
            }
            5 => {
                let end = (at + random.below(64)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            _ => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
        }
        bytes.truncate(MOST_BYTES);
    }
    bytes
}

#[test]
fn every_target_takes_its_corpus_past_crashes_and_mutations() {
    for (name, entry) in targets() {
        let corpus = files(&root().join("corpus").join(name));
        assert!(!corpus.is_empty(), "{name} has no corpus");
        for path in corpus.iter().chain(&files(&root().join("regressions").join(name))) {
            let seed = fs::read(path).unwrap();
            println!("{}", path.display());
            entry(&seed);
            let mut random = Random(seed.len() as u64);
            for number in 0..MUTATIONS {
                let bytes = mutate(&seed, &mut random);
                let ended = std::panic::catch_unwind(|| entry(&bytes));
                assert!(ended.is_ok(), "{name}: mutation {number} of {}: {bytes:02x?}", path.display());
            }
        }
    }
}

#[test]
fn every_target_is_one_of_the_fuzzer_too() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for (name, _) in targets() {
        assert!(root().join(format!("fuzz_targets/{name}.rs")).exists(), "{name} has no file");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
    assert_eq!(files(&root().join("fuzz_targets")).len(), targets().count());
}
