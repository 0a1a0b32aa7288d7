//! House rules that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

/// Production lines in one file, above which it must be split. (Past 400 it deserves a look.)
const MOST_LINES: usize = 800;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    for path in files_below("src", "rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with `//! `", path.display());
    }
}

#[test]
fn no_source_file_outgrows_a_reader() {
    for path in files_below("src", "rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines; split it", path.display());
    }
}

#[test]
fn main_stays_tiny() {
    let lines = fs::read_to_string(root().join("src/main.rs")).unwrap().lines().count();
    assert!(lines < 60, "main.rs has {lines} lines");
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut inside = false;
    let mut seen = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
        } else if inside && line.contains('=') && !line.starts_with('#') {
            seen += 1;
            assert!(line.contains("# "), "no reason: {line}");
        }
    }
    assert!(seen > 20, "the dependencies were not found");
}

#[test]
fn the_project_speaks_of_itself_alone() {
    // Written in two halves, so that this file does not find itself.
    let forbidden = [concat!("/wo", "rk/"), concat!("/tmp/tar", "get"), concat!("CARGO_TARGET", "_DIR=/tmp")];
    for (folder, ending) in [("src", "rs"), ("docs", "md"), ("tests/it", "rs"), ("config", "toml"), ("geoip", "toml")] {
        for path in files_below(folder, ending) {
            let text = fs::read_to_string(&path).unwrap();
            for word in forbidden {
                assert!(!text.contains(word), "{} mentions {word}", path.display());
            }
        }
    }
}
