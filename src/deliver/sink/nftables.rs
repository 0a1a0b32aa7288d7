//! A named set of nftables as a sink: the remotes of an alert are put into it, for a time.
//!
//! Off by default, and a dry run until told otherwise: it changes what a network can reach. The set must exist and have
//! `flags timeout`; what it does (count, mark, drop) is the admin's rule. An address may serve many (a CDN), and putting
//! it there stops all of them. Private and special addresses are never put there. The script goes to `nft -f -` on standard
//! input and is made of addresses and of names that the configuration's check let through.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use crate::deliver::format::Document;
use crate::model::{Timestamp, is_special_address};
use crate::store::Event;

use super::command::Tries;
use super::config::SinkConfig;
use super::process;
use super::secret::SinkError;
use super::{Assurance, Attempt, Sink};

/// Adds remotes to a set.
pub(super) struct Nftables {
    table: String,
    set: Option<String>,
    set6: Option<String>,
    hold: Duration,
    dry_run: bool,
    deadline: Duration,
    tries: Tries,
}

impl Nftables {
    /// Makes ready; nothing is changed yet.
    pub(super) fn open(config: &SinkConfig) -> Result<Self, SinkError> {
        Ok(Self {
            table: config.table.clone().ok_or(SinkError::Missing("table"))?,
            set: config.set.clone(),
            set6: config.set6.clone(),
            hold: config.hold.map_or(Duration::from_secs(3600), |h| h.0),
            dry_run: config.dry_run.unwrap_or(true),
            deadline: config.deadline(),
            tries: Tries::new(config),
        })
    }

    /// The script for one event; empty when there is nothing to add.
    fn script(&self, event: &Event) -> String {
        let document = Document::read(&event.document);
        let mut script = String::new();
        if event.action == "alert-closed" || document.is_canary() {
            return script;
        }
        let addresses = document.texts("/whither/alert/remotes");
        for address in addresses.iter().filter_map(|text| text.parse::<IpAddr>().ok()) {
            if is_special_address(address).is_some() {
                continue;
            }
            let set = if address.is_ipv4() { &self.set } else { &self.set6 };
            if let Some(set) = set {
                // An element that is there keeps its old timeout; it is taken out and put in again, in one transaction.
                let (table, hold) = (&self.table, self.hold.as_secs());
                let _never = write!(
                    script,
                    "add element {table} {set} {{ {address} timeout {hold}s }}\n\
                     delete element {table} {set} {{ {address} }}\n\
                     add element {table} {set} {{ {address} timeout {hold}s }}\n"
                );
            }
        }
        script
    }
}

impl Sink for Nftables {
    fn assurance(&self) -> Assurance {
        if self.dry_run { Assurance::DryRun } else { Assurance::Confirmed }
    }

    fn deliver(&mut self, events: &[Event], _: Timestamp) -> Attempt {
        let argv = ["/usr/sbin/nft", "-f", "-"].map(str::to_owned);
        for (done, event) in events.iter().enumerate() {
            let script = self.script(event);
            if script.is_empty() {
                continue;
            }
            if self.dry_run {
                tracing::info!(alert = event.alert, script, "nftables (dry run): nothing was changed");
            } else if let Err(why) = process::run(&argv, script.as_bytes(), self.deadline) {
                return self.tries.failed(done, event.seq, why);
            }
        }
        Attempt::all(events.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;

    #[test]
    fn only_public_addresses_come_into_the_script_and_nothing_else() {
        let config: SinkConfig = toml::from_str(
            "name = 'n'\nkind = 'nftables'\ntable = 'inet filter'\nset = 'flagged'\nset6 = 'flagged6'",
        )
        .unwrap();
        let sink = Nftables::open(&config).unwrap();
        assert!(sink.dry_run);
        let mut event = Event {
            seq: 1,
            alert: "aa11".into(),
            action: "alert-opened".into(),
            severity: Severity::High,
            at: Timestamp::EPOCH,
            document: br#"{"whither":{"alert":{"remotes":["8.8.8.8","192.168.1.1","2606:4700::1111","1.1.1.1 }; flush ruleset","169.254.1.1"]}}}"#.to_vec(),
        };
        let script = sink.script(&event);
        assert_eq!(script.lines().count(), 6, "{script}");
        assert!(script.contains("add element inet filter flagged { 8.8.8.8 timeout 3600s }"));
        assert!(script.contains("flagged6 { 2606:4700::1111 timeout 3600s }"));
        assert!(!script.contains("flush") && !script.contains("192.168"));
        event.action = "alert-closed".into();
        assert_eq!(sink.script(&event), "");
    }
}
