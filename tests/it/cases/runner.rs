//! Runs one case: the real program, in the case's folder, twice, and once more for the table.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::{expect, folder, identities, select};
use crate::schema::Schema;

/// `case.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Case {
    /// Arguments of `whither read`, the captures among them.
    args: Vec<String>,
    /// A file of the case that is given on standard input.
    stdin: Option<String>,
    /// The exit code.
    #[serde(default)]
    exit: i32,
    /// Whether the table for people is compared, with `expected/table.txt`.
    #[serde(default)]
    table: bool,
    /// Paths compared in the summary document, with `expected/summary.json`; `["."]` is all of it.
    #[serde(default)]
    summary: Vec<String>,
    /// Paths compared in each flow record, with `expected/flows.json`.
    #[serde(default)]
    flows: Vec<String>,
    /// Paths compared in each alert line, with `expected/alerts.json`.
    #[serde(default)]
    alerts: Vec<String>,
    /// Texts that standard error must have.
    #[serde(default)]
    stderr: Vec<String>,
}

/// What `whither read` gave.
pub(super) struct Reading {
    pub(super) summary: Value,
    pub(super) flows: Vec<Value>,
    pub(super) alerts: Vec<Value>,
}

/// Checks that the capture is what the builder makes, and that the program says of it what is expected.
pub(super) fn check(name: &str, inputs: &[(&str, Vec<u8>)]) {
    let folder = folder().join(name.replace('_', "-"));
    for (file, bytes) in inputs {
        expect::file(&folder.join(file), bytes);
    }
    let text =
        fs::read_to_string(folder.join("case.toml")).unwrap_or_else(|e| panic!("{name}: case.toml: {e}"));
    let case: Case = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: case.toml: {e}"));

    let scratch = TempDir::new().unwrap();
    let output = case.documents(&folder, scratch.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(case.exit), "{name}: exit code; standard error:\n{said}");
    for text in &case.stderr {
        assert!(said.contains(text.as_str()), "{name}: standard error does not say {text:?}:\n{said}");
    }
    if [1, 2].contains(&case.exit) {
        assert!(output.stdout.is_empty(), "{name}: a failed run has no result");
        return;
    }
    let first = texts(output, scratch.path());
    let second = texts(case.documents(&folder, scratch.path()), scratch.path());
    assert!(first == second, "{name}: two runs gave different bytes");
    for text in &first {
        assert_harmless(name, text);
    }
    if case.table {
        let table = case.run(&folder, &[]);
        assert_eq!(table.status.code(), Some(case.exit), "{name}: exit code of the table");
        let text = String::from_utf8(table.stdout).expect("the table is UTF-8");
        assert_harmless(name, &text);
        expect::file(&folder.join("expected/table.txt"), expect::undated(&text).as_bytes());
    }

    let reading = Reading::parse(&first);
    compare(&folder.join("expected/summary.json"), &case.summary, || {
        select::parts(&expect::normalised(&reading.summary), &case.summary)
    });
    let rows = |lines: &[Value], paths: &[String]| {
        lines.iter().map(|line| select::parts(&expect::normalised(line), paths)).collect()
    };
    compare(&folder.join("expected/flows.json"), &case.flows, || rows(&reading.flows, &case.flows));
    compare(&folder.join("expected/alerts.json"), &case.alerts, || rows(&reading.alerts, &case.alerts));
    identities::check(name, &reading);
    hold_to_schemas(name, &reading);
}

fn compare(path: &Path, paths: &[String], actual: impl FnOnce() -> Value) {
    if !paths.is_empty() {
        expect::file(path, format!("{:#}\n", actual()).as_bytes());
    }
}

/// Every document is what the committed schemas say.
fn hold_to_schemas(name: &str, reading: &Reading) {
    let summary = std::slice::from_ref(&reading.summary);
    for (kind, documents) in [("summary", summary), ("flow", &*reading.flows), ("alert", &*reading.alerts)] {
        let schema = Schema::of(kind);
        for document in documents {
            let faults = schema.faults(document);
            assert!(faults.is_empty(), "{name}: {kind}: {}", faults.join("; "));
        }
    }
}

/// Nothing from the wire may steer a terminal or turn text around: no control characters but the line feed, no bidi
/// marks, whatever names the capture has.
fn assert_harmless(name: &str, text: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(harmful), "{name}: a harmful character reached the output");
}

impl Case {
    fn run(&self, folder: &Path, more: &[&str]) -> Output {
        let stdin = match &self.stdin {
            Some(file) => Stdio::from(File::open(folder.join(file)).unwrap()),
            None => Stdio::null(),
        };
        Command::new(env!("CARGO_BIN_EXE_whither"))
            .arg("read")
            .args(&self.args)
            .args(more)
            .current_dir(folder)
            .stdin(stdin)
            .env_clear()
            .output()
            .unwrap()
    }

    /// A run that gives the summary document, flow lines and alert lines, the latter two in files in `scratch`.
    fn documents(&self, folder: &Path, scratch: &Path) -> Output {
        let (flows, alerts) = (scratch.join("flows"), scratch.join("alerts"));
        let paths = [flows.to_str().unwrap(), alerts.to_str().unwrap()];
        self.run(folder, &["--format", "json", "--flows", paths[0], "--alerts", paths[1]])
    }
}

/// What such a run gave.
fn texts(output: Output, scratch: &Path) -> [String; 3] {
    [
        String::from_utf8(output.stdout).expect("JSON is UTF-8"),
        fs::read_to_string(scratch.join("flows")).unwrap(),
        fs::read_to_string(scratch.join("alerts")).unwrap(),
    ]
}

impl Reading {
    fn parse([summary, flows, alerts]: &[String; 3]) -> Self {
        let lines = |text: &str| text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        Self {
            summary: serde_json::from_str(summary).expect("JSON"),
            flows: lines(flows),
            alerts: lines(alerts),
        }
    }
}
