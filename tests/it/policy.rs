//! `whither policy test`, `diff` and `check`, and what rules have learned, with the whole program: a capture, the store that a
//! daemon made of it, and policies that say different things of both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::builder::file;
use crate::builder::net::{local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::visit;

/// Three phones speak WeChat to a server in China; each is an alert of its own.
const PHONES: u16 = 3;

struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        let mut scene = Scene::new();
        for n in 0..PHONES {
            let phone = local(&format!("192.168.0.{}", n + 10));
            let server = (remote("101.226.90.1"), 443);
            visit(&mut scene, (phone, 40_000 + n), server, "short.weixin.qq.com", (900, 1_500));
            scene.wait_ms(2_000);
        }
        fs::write(site.path("input.pcap"), file::pcap(&scene.frames)).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A configuration with one rule on servers in China; `more` are further keys of it.
    fn policy(&self, name: &str, more: &str) -> PathBuf {
        let rule = "[[policy.rule]]\nid = \"cn\"\nname = \"China\"\njurisdictions = [\"CN\"]\nroles = [\"server\"]\n";
        fs::write(self.path(name), format!("{rule}{more}\n")).unwrap();
        self.path(name)
    }

    fn run(words: &[&str], paths: &[&Path], more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whither"));
        command.args(words).args(paths).args(more).output().unwrap()
    }

    /// Lets a daemon read the capture to its end.
    fn daemon(&self, config: &Path) {
        let (capture, state) = (self.path("input.pcap"), self.path("state"));
        let output = Self::run(
            &["run", "--pace", "0"],
            &["--from".as_ref(), &capture, "--state-dir".as_ref(), &state, "--config".as_ref(), config],
            &[],
        );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn document(output: &Output) -> Value {
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said()))
}

#[test]
fn a_policy_is_tested_against_a_capture_and_against_what_the_daemon_kept() {
    let site = Site::new();
    let (config, narrow) =
        (site.policy("all.toml", ""), site.policy("one.toml", "devices = [\"192.168.0.10\"]"));
    let capture = site.path("input.pcap");
    let test = |config: &Path, against: &[&Path], more: &[&str]| {
        let paths = [&["--config".as_ref(), config, "--against".as_ref()], against].concat();
        Site::run(&["policy", "test", "--format", "json"], &paths, more)
    };
    let of_capture = test(&config, &[&capture], &[]);
    assert_eq!(of_capture.status.code(), Some(0));
    let of_capture = document(&of_capture);
    assert_eq!((&of_capture["alerts"], &of_capture["rules"][0]["id"]), (&PHONES.into(), &"cn".into()));
    assert!(of_capture["rules"][0]["examples"].as_array().is_some_and(|e| !e.is_empty()));
    site.daemon(&config);
    let state = site.path("state");
    let store: [&Path; 3] = ["store".as_ref(), "--state-dir".as_ref(), &state];
    let same = test(&config, &store, &["--fail-on-change"]);
    assert_eq!(
        (same.status.code(), &document(&same)["alerts"]),
        (Some(0), &PHONES.into()),
        "as it was told then"
    );
    let changed = test(&narrow, &store, &["--fail-on-change"]);
    assert_eq!(changed.status.code(), Some(3));
    let changes = &document(&changed)["changes"];
    assert_eq!((&changes["lost"], &changes["gained"]), (&(PHONES - 1).into(), &0.into()), "{changes}");
}

#[test]
fn two_policies_are_held_against_each_other() {
    let site = Site::new();
    let (old, new) = (site.policy("old.toml", ""), site.policy("new.toml", "severity = \"critical\""));
    let capture = site.path("input.pcap");
    let diff = |old: &Path, new: &Path| {
        let paths = [old, new, "--against".as_ref(), &capture];
        Site::run(&["policy", "diff", "--format", "json"], &paths, &["--fail-on-change"])
    };
    assert_eq!(diff(&old, &old).status.code(), Some(0));
    let changed = diff(&old, &new);
    assert_eq!(changed.status.code(), Some(3));
    let changes = &document(&changed)["changes"];
    assert_eq!((&changes["changed"], &changes["same"]), (&PHONES.into(), &0.into()), "{changes}");
    assert_eq!(changes["changed_examples"][0]["what"], serde_json::json!(["severity"]));
}

#[test]
fn a_rule_that_can_never_fire_is_found_before_any_traffic() {
    let site = Site::new();
    let check = |config: &Path| {
        Site::run(&["policy", "check", "--format", "json"], &["--config".as_ref(), config], &[])
    };
    let good = check(&site.policy("good.toml", ""));
    assert_eq!((good.status.code(), &document(&good)["errors"]), (Some(0), &0.into()));
    let bad = check(&site.policy("bad.toml", "apps = [\"wechta\"]"));
    assert_eq!(bad.status.code(), Some(2));
    let finding = &document(&bad)["findings"][0];
    assert_eq!((&finding["id"], &finding["rule"]), (&"unknown-app".into(), &"cn".into()));
    assert!(finding["message"].as_str().is_some_and(|m| m.contains("wechat")), "the nearest word: {finding}");
}

#[test]
fn stats_shows_what_a_rule_has_learned_and_until_when_it_learns() {
    let site = Site::new();
    let config =
        site.policy("learn.toml", "first-time = [\"device-country\", \"device-app\"]\nlearning = \"300d\"");
    site.daemon(&config);
    let state = site.path("state");
    let stats = |format: &str| {
        let paths = ["--config".as_ref(), config.as_path(), "--state-dir".as_ref(), &state];
        Site::run(&["stats", "--format", format], &paths, &[])
    };
    let learning = &document(&stats("json"))["learning"];
    let one = &learning[0];
    assert_eq!((learning.as_array().unwrap().len(), &one["rule"]), (1, &"cn".into()));
    assert!(one["learning"].is_boolean(), "by the clock of the day on which it is asked: {one}");
    // The scene begins on 2026-10-10.
    assert!(one["since"].as_str().is_some_and(|s| s.starts_with("2026-10-10T09:00:0")), "{one}");
    assert!(one["until"].as_str().is_some_and(|s| s.starts_with("2027-08-06T09:00:0")), "{one}");
    let kinds = serde_json::json!([
        { "kind": "device-country", "subjects": PHONES, "members": 1, "pairs": PHONES },
        { "kind": "device-app", "subjects": PHONES, "members": 1, "pairs": PHONES },
    ]);
    assert_eq!(one["kinds"], kinds);
    let text = String::from_utf8(stats("table").stdout).unwrap();
    assert!(text.contains("rule cn learn") && text.contains("2026-10-10T09:00:0"), "{text}");
    assert!(text.contains("device-country: 3 pairs of 3 devices with 1 countries"), "{text}");
}
