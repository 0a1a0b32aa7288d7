//! The catalogue against labelled captures, where they are at hand (`../shared`): each name of the truth is asked.
//!
//! The labels come from another table than ours; where the two cut a vendor into services differently, [`SAME`]
//! says so. What is left must be none.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::model::HostName;

/// Label of the truth, our id, and why both are right.
const SAME: &[(&str, &str, &str)] = &[
    ("baidu", "baidu-cloud", "bcebos.com is storage rented to anybody, not the search engine"),
    (
        "qq",
        "tencent",
        "zb.qq.com: which product it serves is not public; the label is the other table's default",
    ),
    (
        "wechat",
        "tencent",
        "qpic.cn holds pictures of several products; only mmsns.qpic.cn is known to be WeChat's",
    ),
];

#[test]
fn names_of_labelled_captures_are_met() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/truth/open.flows.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let (mut right, mut other, mut missed) = (0_u32, 0_u32, 0_u32);
    let mut differences: BTreeMap<(String, String, String), u32> = BTreeMap::new();
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let sure = matches!(row["confidence"].as_str(), Some("both" | "family" | "hostname"));
        let (Some(host), Some(want), true) = (row["hostname"].as_str(), row["app"].as_str(), sure) else {
            continue;
        };
        let name = HostName::from_wire(host.as_bytes()).unwrap();
        let got = embedded().match_name(&name).map(|(a, _)| a.app.id.to_string());
        let got = got.unwrap_or_default();
        if got == want || SAME.iter().any(|(truth, ours, _)| *truth == want && *ours == got) {
            right += 1;
        } else {
            let count = if got.is_empty() { &mut missed } else { &mut other };
            *count += 1;
            *differences.entry((want.to_owned(), got, host.to_owned())).or_default() += 1;
        }
    }
    println!("right {right}, another {other}, none {missed}");
    for ((want, got, host), count) in &differences {
        println!("{count:4} {want:16} ours {got:16} {host}");
    }
    assert!(right > 0);
    assert!(differences.is_empty(), "differences without a reason in SAME");
}

#[test]
#[ignore = "a list to read, not a check: names without a label in the truth that the catalogue knows"]
fn names_without_a_label_are_listed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/truth/open.flows.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else { return };
    let mut named: BTreeMap<(String, String), u32> = BTreeMap::new();
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let (Some(host), None) = (row["hostname"].as_str(), row["app"].as_str()) else { continue };
        let Some(name) = HostName::from_wire(host.as_bytes()).filter(HostName::is_valid) else { continue };
        let got = embedded().match_name(&name).map_or_else(|| "-".to_owned(), |(a, _)| a.app.id.to_string());
        *named.entry((got, host.to_owned())).or_default() += 1;
    }
    for ((got, host), count) in &named {
        println!("{count:4} {got:16} {host}");
    }
}
