//! The command line as scripts and people meet it: help, man page, completions, exit codes, colour, closed pipes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cases::expect;

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/demo/input.pcap")
}

/// The program with nothing of the caller's environment, at a width of its own.
fn whither(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whither"));
    command.args(arguments).env_clear().env("COLUMNS", "100").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    whither(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Every command, with the words that lead to it.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["read"],
    &["run"],
    &["lookup"],
    &["flows"],
    &["alerts"],
    &["alerts", "list"],
    &["alerts", "show"],
    &["alerts", "ack"],
    &["alerts", "note"],
    &["alerts", "export"],
    &["explain"],
    &["stats"],
    &["apps"],
    &["apps", "list"],
    &["apps", "show"],
    &["apps", "match"],
    &["apps", "lint"],
    &["interfaces"],
    &["config"],
    &["config", "check"],
    &["config", "print"],
    &["config", "template"],
    &["config", "profiles"],
    &["geoip"],
    &["geoip", "status"],
    &["geoip", "update"],
    &["geoip", "diff"],
    &["geoip", "build"],
    &["policy"],
    &["policy", "check"],
    &["policy", "canary"],
    &["policy", "test"],
    &["policy", "diff"],
    &["completions"],
    &["man"],
];

#[test]
fn the_help_of_every_command_is_the_committed_one() {
    for &words in COMMANDS {
        let output = run(&[words, &["--help"]].concat());
        assert!(output.status.success(), "{words:?}");
        assert!(output.stderr.is_empty(), "{words:?}");
        let name = if words.is_empty() { "whither".to_owned() } else { words.join("-") };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/help/{name}.txt"));
        expect::file(&path, &output.stdout);
    }
}

#[test]
fn every_command_in_the_help_is_in_the_list_of_this_test() {
    for &words in COMMANDS {
        let help = text(&run(&[words, &["--help"]].concat()).stdout);
        let Some((_, list)) = help.split_once("Commands:\n") else { continue };
        for line in list.lines().take_while(|l| !l.is_empty()) {
            let Some(name) = line.strip_prefix("  ").and_then(|l| l.split(' ').next()) else { continue };
            let path = [words, &[name]].concat();
            assert!(["", "help"].contains(&name) || COMMANDS.contains(&&*path), "{path:?} has no snapshot");
        }
    }
}

#[test]
fn the_man_page_and_the_completions_of_every_shell_are_there() {
    let man = text(&run(&["man"]).stdout);
    assert!(man.contains(".TH whither 1"), "{man}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("whither"), "{shell}");
    }
}

#[test]
fn exit_codes_say_what_kind_of_failure_it_was() {
    let capture = demo();
    let capture = capture.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.toml");
    fs::write(&broken, "[meter]\nactive-timeout = \"soon\"\n").unwrap();
    let broken = broken.to_str().unwrap();
    for (arguments, code, says) in [
        (&["read", capture][..], 0, ""),
        (&["read", "/nowhere.pcap"], 1, "/nowhere.pcap"),
        (&["read"], 2, "CAPTURE"),
        (&["read", "--no-such-option", capture], 2, "--no-such-option"),
        (&["read", "--flag", "Chinaa", capture], 2, "chinaa"),
        (&["read", "--app", "wechat", capture], 2, "--flag"),
        (&["read", "--flag", "CN", "--app", "wechatt", capture], 2, "wechatt"),
        (&["read", "--flag", "CN", "--roles", "boss", capture], 2, "boss"),
        (&["read", "--profile", "nobody", capture], 2, "named-2020"),
        (&["read", "--filter", "tcp port nonsense", capture], 2, "nonsense"),
        (&["read", "--config", broken, capture], 2, "active-timeout"),
        (&["config", "check", broken], 2, "line 2"),
        (&["read", "--flows", "/nowhere/x", capture], 2, "/nowhere/x"),
        (&["read", "--flag", "CN", "--fail-on", "medium", capture], 3, ""),
        (&["read", "--flag", "CN", "--fail-on", "critical", capture], 0, ""),
        (&["run", "--interface", "no-such-interface"], 2, "no-such-interface"),
        (&["run"], 2, "--interface"),
    ] {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?} does not say {says:?}: {said}");
        if code == 2 {
            assert!(output.stdout.is_empty(), "{arguments:?}: results on standard output");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
}

#[test]
fn without_a_terminal_there_is_no_colour_with_or_without_no_color() {
    let capture = demo();
    let arguments = ["read", "--flag", "CN", capture.to_str().unwrap()];
    let plain = run(&arguments);
    let told = whither(&arguments).env("NO_COLOR", "1").output().unwrap();
    assert!(!plain.stdout.contains(&0x1b) && !plain.stderr.contains(&0x1b));
    assert_eq!(plain.stdout, told.stdout);
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let capture = demo();
    for arguments in [
        &["read", "--all", "--flag", "CN", capture.to_str().unwrap()][..],
        &["read", "--flows", "-", capture.to_str().unwrap()],
        &["apps", "list"],
        &["config", "template"],
        &["man"],
    ] {
        let mut child = whither(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // As `head -c 1` does: one byte is read, then the pipe is closed.
        let mut pipe = child.stdout.take().unwrap();
        let mut byte = [0];
        let _first = pipe.read(&mut byte);
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("panicked") && !said.to_lowercase().contains("broken pipe"), "{said}");
    }
}

#[test]
fn lines_on_standard_output_send_the_summary_to_standard_error() {
    let capture = demo();
    let output = run(&["read", "--flows", "-", capture.to_str().unwrap()]);
    let lines = text(&output.stdout);
    assert!(!lines.is_empty());
    for line in lines.lines() {
        let _document: serde_json::Value = serde_json::from_str(line).expect("each line is a document");
    }
    assert!(text(&output.stderr).contains("Ledger"));
}
