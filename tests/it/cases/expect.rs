//! Comparing with what is committed, and the filter that takes out what changes with every release or database.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Whether the committed files are to be rewritten.
fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|v| v == "1")
}

/// Compares bytes with a committed file, or writes it.
pub(crate) fn file(path: &Path, actual: &[u8]) {
    if updating() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read(path)
        .unwrap_or_else(|e| panic!("{}: {e}; UPDATE_EXPECT=1 cargo test writes it", path.display()));
    if expected == actual {
        return;
    }
    let (old, new) = (String::from_utf8_lossy(&expected), String::from_utf8_lossy(actual));
    let differ = old.lines().zip(new.lines()).position(|(a, b)| a != b);
    let line = differ.unwrap_or_else(|| old.lines().count().min(new.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
    panic!(
        "{} differs from line {}:\n  expected: {}\n  actual:   {}\nUPDATE_EXPECT=1 cargo test rewrites it; read the difference",
        path.display(),
        line + 1,
        at(&old),
        at(&new)
    );
}

/// Names after which a text gives the date of a source's build.
const DATED: [&str; 6] =
    ["dbip ", "ipfire ", "rir ", "operators ", "as-registration (iptoasn) ", "the databases are of "];

/// A text without the dates of the databases.
pub(super) fn undated(text: &str) -> String {
    let mut text = text.to_owned();
    for name in DATED {
        let parts: Vec<&str> = text.split(name).collect();
        let strip = |(i, part): (usize, &&str)| {
            if i == 0 {
                return (*part).to_owned();
            }
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
            if rest.len() == part.len() { (*part).to_owned() } else { format!("DATE{rest}") }
        };
        text = parts.iter().enumerate().map(strip).collect::<Vec<_>>().join(name);
    }
    text
}

/// A document without the program's version, checksums of what it was judged by, and dates of the databases.
pub(super) fn normalised(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| {
                    let value = match key.as_str() {
                        "provenance" => Value::from("(provenance)"),
                        "date" => Value::from("DATE"),
                        "version" if *value == env!("CARGO_PKG_VERSION") => Value::from("VERSION"),
                        _ => normalised(value),
                    };
                    (key.clone(), value)
                })
                .collect(),
        ),
        Value::Array(list) => list.iter().map(normalised).collect(),
        Value::String(text) => Value::from(undated(text)),
        other => other.clone(),
    }
}

#[test]
fn dates_of_databases_are_taken_out_of_sentences() {
    assert_eq!(
        undated("the server stands in CN by dbip 2026-10-01 and ipfire 2026-08-22"),
        "the server stands in CN by dbip DATE and ipfire DATE"
    );
    assert_eq!(undated("since 2026-10-10T09:00:00Z"), "since 2026-10-10T09:00:00Z");
}
