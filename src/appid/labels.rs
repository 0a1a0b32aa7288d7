//! Names for people that need not be written as labels: an application that has an Android package is shown on the phone by
//! its own name, or by one of them (`WeChat / Weixin`).
//!
//! A label names a maker only whole, so an entry whose name explains (`Google (search, mail…)`) implies none, and neither
//! does a word that any application may be called by. Where two applications would have the same one, the index gives it
//! to neither.

use std::sync::Arc;

use super::application::{AppRole, Confidence, Os, OwnerFact, OwnerKind};
use super::format::RawApplication;

/// Words of everyday speech: a torch or a notebook may be called that too. With a source they can be written as labels.
const EVERYDAY: [&str; 38] = [
    "bolt",
    "booking",
    "brave",
    "discord",
    "edge",
    "grab",
    "hulu",
    "king",
    "kick",
    "line",
    "max",
    "medium",
    "mega",
    "messages",
    "messenger",
    "meta",
    "momo",
    "notion",
    "opera",
    "ring",
    "session",
    "signal",
    "slack",
    "soul",
    "teams",
    "temu",
    "threads",
    "tim",
    "tor",
    "trip",
    "uber",
    "vivo",
    "wave",
    "wire",
    "wish",
    "word",
    "x",
    "zoom",
];

/// The labels of `raw` by its name; `facts` are its owners as written.
pub(super) fn implied(raw: &RawApplication, facts: &[OwnerFact]) -> Vec<OwnerFact> {
    let android = |fact: &&OwnerFact| {
        fact.kind == OwnerKind::Package
            && fact.confidence == Confidence::Good
            && fact.os.is_none_or(|os| os == Os::Android)
    };
    let Some(package) = facts.iter().find(android).filter(|_| raw.role == AppRole::App) else {
        return Vec::new();
    };
    let written = |name: &str| {
        facts.iter().any(|f| f.kind == OwnerKind::Label && f.name.to_lowercase() == name.to_lowercase())
    };
    raw.name
        .split(" / ")
        .filter(|name| is_whole(name) && !written(name))
        .map(|name| OwnerFact {
            kind: OwnerKind::Label,
            os: package.os,
            name: name.into(),
            implied: true,
            confidence: Confidence::Good,
            source: Arc::clone(&package.source),
            label: format!("label {name}, its own name").into(),
        })
        .collect()
}

fn is_whole(name: &str) -> bool {
    name.chars().count() > 1
        && name.chars().any(char::is_alphabetic)
        && !name.contains(['(', ')', ',', ':', ';'])
        && !EVERYDAY.contains(&name.to_lowercase().as_str())
}
