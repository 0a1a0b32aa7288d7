//! Flows, packets, octets, initiators, names and fingerprints, side by side.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::Capture;
use super::differences::Difference;
use super::rows::Row;
use super::seen::Seen;

/// The truth keeps this many names of a flow…
const NAMES_KEPT: usize = 12;
/// …and, in order of the alphabet, this many offers of ALPN.
const ALPN_KEPT: usize = 6;

/// Adds every difference in one capture to `found`.
pub(super) fn capture(capture: &Capture, found: &mut Vec<Difference>) {
    let mut known = BTreeSet::new();
    for row in &capture.rows {
        known.insert(row.key);
        match capture.seen.get(&row.key) {
            Some(seen) => flow(row, seen, found),
            None => {
                found.push(Difference::of(row, "flow missing", format!("{:?}", row.packets), String::new()));
            }
        }
    }
    for (key, seen) in capture.seen.iter().filter(|(key, _)| !known.contains(key)) {
        found.push(Difference {
            capture: capture.name.clone(),
            what: "flow added",
            flow: key.to_string(),
            truth: String::new(),
            ours: format!("{:?}", seen.packets),
        });
    }
}

fn flow(row: &Row, seen: &Seen, found: &mut Vec<Difference>) {
    let mut differs = |what, truth: String, ours: String| {
        if truth != ours {
            found.push(Difference::of(row, what, truth, ours));
        }
    };
    differs("packets", format!("{:?}", row.packets), format!("{:?}", seen.packets));
    differs("octets", format!("{:?}", row.octets), format!("{:?}", seen.octets));
    // Where the truth goes by the first packet and we by better grounds, or the other way about, neither is wrong.
    if let Some((low, basis)) = seen.began
        && (row.by_syn || basis == whither::model::SourceBasis::Handshake)
    {
        let word = |low| if low { "low" } else { "high" }.to_owned();
        differs("initiator", word(row.low_began), word(low));
    }
    differs("name missing", join(row.names.difference(&seen.names)), String::new());
    if row.names.len() < NAMES_KEPT {
        differs("name added", String::new(), join(seen.names.difference(&row.names)));
    }
    let alpn = first(&seen.alpn, ALPN_KEPT, row.alpn.len());
    differs("alpn", join(&row.alpn), join(alpn));
    if let Some(published) = row.ja4_published.as_ref().filter(|j| !seen.ja4.contains(*j)) {
        differs("ja4 published", published.clone(), join(&seen.ja4));
    }
    if let Some(ndpi) = row.ja4_ndpi.as_ref().filter(|j| !seen.ja4.iter().any(|ours| as_ndpi(ours, j))) {
        differs("ja4", ndpi.clone(), join(&seen.ja4));
    }
    differs("quic version", hex(&row.quic_versions), hex(&seen.quic_versions));
    differs("ech", row.ech.to_string(), seen.ech.to_string());
    differs("vlan", join(&row.vlans), join(&seen.vlans));
}

/// The first items where the other side stopped at `kept`.
fn first(items: &BTreeSet<String>, kept: usize, other: usize) -> impl Iterator<Item = &String> {
    items.iter().take(if other == kept { kept } else { usize::MAX })
}

/// Whether nDPI 4.11 would write `ours` as `theirs`. It says `d` also where no server name was sent, takes the first
/// two characters of the ALPN value instead of the first and the last, and hashes an empty list of extensions; the
/// fingerprint's description says otherwise on all three.
pub(super) fn as_ndpi(ours: &str, theirs: &str) -> bool {
    let (Some(a), Some(b)) = (ours.as_bytes().get(..10), theirs.as_bytes().get(..10)) else { return false };
    let name = a[3] == b[3] || (a[3] == b'i' && b[3] == b'd');
    let rest = |j: &str| j[10..].replace("_e3b0c44298fc", "_000000000000");
    a[..3] == b[..3] && name && a[4..9] == b[4..9] && rest(ours) == rest(theirs)
}

fn join<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

fn hex(items: &BTreeSet<u32>) -> String {
    join(items.iter().map(|v| format!("{v:#010x}")))
}
