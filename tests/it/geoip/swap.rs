//! Databases that are swapped under a running daemon: a broken one is refused, a sound one is taken over and told of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use whither::store::{AlertFilter, FlowFilter, Notice, Reader};

use super::diff::{config, placing};
use super::server::{BUILT, DAY};
use crate::durable;

/// Looks at whether something has happened, and how long between two looks. A guard against hanging, not a measure.
const LOOKS: u32 = 1_200;
const BETWEEN: Duration = Duration::from_millis(50);

struct Daemon {
    child: Child,
    folder: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_whither"))
            .args(["run", "--pace", "2", "--config"])
            .arg(folder.join("c.toml"))
            .arg("--from")
            .arg(folder.join("input.pcap"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, folder: folder.to_owned() }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    fn wait_for<T>(&self, what: &str, mut done: impl FnMut() -> Option<T>) -> T {
        for _ in 0..LOOKS {
            if let Some(found) = done() {
                return found;
            }
            thread::sleep(BETWEEN);
        }
        panic!("waited in vain for {what}:\n{}", self.log());
    }

    fn wait_for_log(&self, words: &str) {
        self.wait_for(words, || self.log().contains(words).then_some(()));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn reader(&self) -> Option<Reader> {
        Reader::open(&self.folder.join("whither.db")).ok()
    }

    fn alerts(&self) -> usize {
        self.reader().and_then(|r| r.alerts(&AlertFilter::default()).ok()).map_or(0, |a| a.len())
    }
}

fn bench(look_every: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    durable::capture(&place("input.pcap"));
    fs::write(place("geo.mmdb"), placing("CN", BUILT)).unwrap();
    let more = format!("look-every = \"{look_every}\"");
    fs::write(place("c.toml"), config(&place("geo.mmdb"), folder.path(), &more)).unwrap();
    folder
}

#[test]
fn a_changed_file_is_taken_over_if_it_is_sound_and_what_it_changes_is_kept_in_the_store() {
    let folder = bench("100ms");
    let place = |name: &str| folder.path().join(name);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("an alert", || (daemon.alerts() > 0).then_some(()));

    // Torn in place, as by a copy that broke off.
    let whole = placing("US", BUILT + DAY);
    fs::write(place("geo.mmdb"), &whole[..whole.len() / 2]).unwrap();
    daemon.wait_for_log("refused, the old ones stay in force");
    let before = daemon.alerts();
    daemon.wait_for("alerts by the old database", || (daemon.alerts() > before).then_some(()));

    fs::write(place("new"), &whole).unwrap();
    fs::rename(place("new"), place("geo.mmdb")).unwrap();
    daemon.wait_for_log("databases taken over");
    daemon.wait_for_log("what the new databases say differently");
    let notice = daemon.wait_for("a notice", || daemon.reader()?.notices(1).ok()?.pop());
    assert_eq!(notice.kind, Notice::SWAP);
    let body: Json = serde_json::from_str(&notice.body).unwrap();
    assert_eq!(body["counts"]["addresses_changed"], 1, "{body}");
    assert!(body["counts"]["alerts_lost"].as_u64().unwrap() > 0, "{body}");
    assert_eq!(body["new"][0]["build"], "2026-05-29", "{body}");

    // From here on, records say that they rest on the new one.
    let newest = daemon.wait_for("a record by the new database", || {
        let mut newest = None;
        let filter = FlowFilter { limit: Some(1), ..FlowFilter::default() };
        daemon
            .reader()?
            .flows(&filter, |stored| {
                newest = Some(stored.flow);
                true
            })
            .ok()?;
        newest.filter(|flow| &*flow.provenance.databases[0].build == "2026-05-29")
    });
    assert_eq!(newest.remote.roles.server.country.map(|c| c.to_string()).as_deref(), Some("US"));
    daemon.signal(Signal::TERM);
    daemon.wait_for_log("stopped");

    // And the store, asked again, says the same.
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_whither")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let config = place("c.toml");
    let config = config.to_str().unwrap();
    let stats = run(&["stats", "--config", config]);
    assert!(stats.contains("databases swapped at") && stats.contains("1 of 1 addresses"), "{stats}");
    fs::write(place("old.mmdb"), placing("CN", BUILT)).unwrap();
    let (old, new) = (place("old.mmdb"), place("geo.mmdb"));
    let told: Json = serde_json::from_str(&run(&[
        "geoip",
        "diff",
        old.to_str().unwrap(),
        new.to_str().unwrap(),
        "--config",
        config,
        "--format",
        "json",
    ]))
    .unwrap();
    let traffic = &told["traffic"];
    assert_eq!(traffic["against"], "store");
    assert_eq!(traffic["addresses"]["by"], serde_json::json!({ "server": 1 }), "{told}");
    let rule = &traffic["rules"][0];
    assert_eq!(
        (&rule["old"]["matches"], &rule["new"]["matches"]),
        (&traffic["records"], &0.into()),
        "{told}"
    );
    assert!(traffic["alerts"]["lost"].as_u64().unwrap() > 0, "{told}");
}

#[test]
fn with_watching_switched_off_a_signal_takes_the_file_over_and_a_broken_one_is_refused() {
    let folder = bench("0s");
    let place = |name: &str| folder.path().join(name);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("an alert", || (daemon.alerts() > 0).then_some(()));
    fs::write(place("geo.mmdb"), "broken").unwrap();
    let before = daemon.alerts();
    daemon.wait_for("alerts by the old database", || (daemon.alerts() > before).then_some(()));
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("reload refused");
    assert!(daemon.log().contains("geo.mmdb"), "{}", daemon.log());
    let before = daemon.alerts();
    daemon.wait_for("alerts by the old database still", || (daemon.alerts() > before).then_some(()));
    fs::write(place("geo.mmdb"), placing("US", BUILT + DAY)).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("what the new databases say differently");
    daemon.wait_for("a notice", || daemon.reader()?.notices(1).ok()?.pop());
}

#[test]
fn the_daemon_destroys_old_versions_that_may_not_be_kept_and_no_other() {
    let folder = bench("0s");
    let place = |name: &str| folder.path().join(name);
    // Beside the database in use, and where updates are put.
    fs::create_dir(place("geoip")).unwrap();
    for name in ["GeoLite2-Country.mmdb", "geoip/GeoLite2-City.mmdb", "geoip/dbip-country-lite.mmdb"] {
        fs::write(place(name), placing("CN", BUILT)).unwrap();
        fs::write(place(&format!("{name}.old")), placing("CN", BUILT - DAY)).unwrap();
    }
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("both to go", || {
        let log = daemon.log();
        (log.matches("an old database is destroyed").count() == 2).then_some(())
    });
    assert!(!place("GeoLite2-Country.mmdb.old").exists() && !place("geoip/GeoLite2-City.mmdb.old").exists());
    assert!(place("GeoLite2-Country.mmdb").exists() && place("geoip/GeoLite2-City.mmdb").exists());
    assert!(place("geoip/dbip-country-lite.mmdb.old").exists());
}
