//! A flow to another user's device, in a real capture: no rule tells it as a server of an app unless it is asked to, and its
//! country is told all the same.

use whither::config::Config;
use whither::model::{CountryCode, EnrichedFlow, Outcome, Role};
use whither::policy::Rule;

use super::reading::{self, Read};

/// nDPI's collection of STUN: among others a call by Zoom whose far end tests paths as a user's device does.
const CAPTURE: &str = "open/ndpi__stun.pcap";
const FAR_END: &str = "134.224.90.111";

fn read(peers: &str) -> Option<Read> {
    let path = reading::shared(CAPTURE)?;
    let mut config = Config::default();
    let flagged = Rule::flagged(&["US".into()], &["operator".into()], &[], &[]);
    config.policy.rule.push(Rule { peers: peers.to_owned(), ..flagged });
    Some(reading::read_by(&[path], &config).unwrap())
}

fn to_far_end(read: &Read) -> impl Iterator<Item = &EnrichedFlow> {
    read.flows.iter().filter(|f| f.remote.addr == FAR_END.parse::<std::net::IpAddr>().unwrap())
}

/// The documents of alerts that name the far end.
fn alerts(read: &Read) -> Vec<serde_json::Value> {
    let lines = read.lines.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let documents = lines.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
    documents
        .filter(|d| d["event"]["kind"] == "alert")
        .filter(|d| d["whither"]["alert"]["remotes"].as_array().unwrap().iter().any(|r| r == FAR_END))
        .collect()
}

#[test]
fn a_peer_is_told_with_its_country_and_accused_of_nothing() {
    let Some(read) = read("exclude") else { return };
    let last = to_far_end(&read).find(|f| f.record.is_final()).expect("the call");
    assert!(last.record.facts.peer && last.identification.app.is_none());
    let verdict = &last.verdicts[0];
    assert_eq!(verdict.outcome, Outcome::CannotTell);
    assert_eq!(verdict.role, Some((Role::Operator, CountryCode::parse("US").unwrap())));
    assert!(verdict.because[0].contains("no server of the app, and the rule excludes peers"), "{verdict:?}");
    assert!(alerts(&read).is_empty());
    assert!(read.ledger.limits["peers_not_alerted"] > 0, "{:?}", read.ledger.limits);
}

#[test]
fn a_rule_that_includes_peers_tells_them_as_such() {
    let Some(read) = read("include") else { return };
    let documents = alerts(&read);
    let alert = documents.first().expect("an alert of the call");
    assert_eq!(alert["whither"]["alert"]["peer"], true);
    assert_eq!(alert["whither"]["alert"]["remotes"].as_array().unwrap().len(), 1, "and of nothing else");
    let message = alert["message"].as_str().unwrap();
    assert!(message.contains("exchanged data with another user's device, US (operator)"), "{message}");
    let reason = alert["event"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("by STUN the far end is another user's device"), "{reason}");
}
