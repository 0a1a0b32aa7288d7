//! Differences, and the reviewed list of them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::rows::Row;

/// One thing on which the truth and we do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) capture: String,
    pub(crate) what: &'static str,
    pub(crate) flow: String,
    pub(crate) truth: String,
    pub(crate) ours: String,
}

impl Difference {
    pub(super) fn of(row: &Row, what: &'static str, truth: String, ours: String) -> Self {
        Self { capture: row.pcap.clone(), what, flow: row.key.to_string(), truth, ours }
    }
}

/// A reviewed entry: what is left out stands for anything; it must be met exactly `count` times.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    what: String,
    capture: Option<String>,
    flow: Option<String>,
    truth: Option<String>,
    ours: Option<String>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: usize,
    why: String,
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(count: &usize) -> bool {
    *count == 1
}

impl Entry {
    fn meets(&self, difference: &Difference) -> bool {
        let same = |want: &Option<String>, have: &str| want.as_deref().is_none_or(|want| want == have);
        self.what == difference.what
            && same(&self.capture, &difference.capture)
            && same(&self.flow, &difference.flow)
            && same(&self.truth, &difference.truth)
            && same(&self.ours, &difference.ours)
    }
}

/// The reviewed list. The first entry that a difference meets explains it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct List {
    difference: Vec<Entry>,
}

/// Holds `found` against the list in `tests/it/<file>`. With UPDATE_EXPECT=1 the list loses what is not met any more.
///
/// # Panics
/// With all differences that are not explained, and all entries that explain nothing any more.
pub(crate) fn review(file: &str, found: &[Difference]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let mut list: List = toml::from_str(&text).unwrap();
    for entry in &list.difference {
        assert!(entry.why.len() > 20, "no reason: {entry:?}");
    }
    let mut met = vec![0_usize; list.difference.len()];
    let mut unexplained = String::new();
    for difference in found {
        if let Some(at) = list.difference.iter().position(|entry| entry.meets(difference)) {
            met[at] += 1;
        } else {
            let Difference { capture, what, flow, truth, ours } = difference;
            let _ = writeln!(unexplained, "{what:13} {capture}  {flow}  truth {truth:?}  ours {ours:?}");
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for (entry, met) in list.difference.iter_mut().zip(&met) {
            entry.count = *met;
        }
        list.difference.retain(|entry| entry.count > 0);
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        fs::write(
            &path,
            format!(
                "{}

{}",
                head.join(
                    "
"
                ),
                toml::to_string(&list).unwrap()
            ),
        )
        .unwrap();
    } else {
        for (entry, met) in list.difference.iter().zip(met).filter(|(entry, met)| entry.count != *met) {
            let _ = writeln!(unexplained, "met {met} times (UPDATE_EXPECT=1 drops what is gone): {entry:?}");
        }
    }
    assert!(unexplained.is_empty(), "tests/it/{file} does not explain, or explains too much:\n{unexplained}");
}
