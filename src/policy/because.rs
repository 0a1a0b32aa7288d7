//! The sentences of verdicts: short, each with its grounds (role, country, source, date), safe to print.

use std::borrow::Cow;
use std::fmt::Write;

use crate::model::{Claim, CountryCode, EnrichedFlow, Identification, Role, RoleAnswer};

/// Names come from databases and config; more than this of one does not help a reader.
const MAX_NAME: usize = 80;

/// Sources named in one sentence; an address has two or three.
const MAX_SOURCES: usize = 6;

/// `text` on one line, without control or direction characters, cut at [`MAX_NAME`] characters.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    // Nearly every name: it stays as it is.
    if text.len() <= MAX_NAME && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let harmless = |c: char| {
        let direction = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || direction { '?' } else { c }
    };
    let mut out: String = text.chars().take(MAX_NAME).map(harmless).collect();
    if text.chars().nth(MAX_NAME).is_some() {
        out.push('…');
    }
    Cow::Owned(out)
}

/// "the app is WeChat (tier B by tls_sni `short.weixin.qq.com`)".
pub(super) fn app_sentence(identification: &Identification) -> String {
    let name = identification.app.as_ref().map_or_else(|| "not known".into(), |a| plain(&a.name));
    let mut text = format!("the app is {name}");
    if let Some(tier) = identification.tier {
        let _ = write!(text, " (tier {tier}");
        if let Some(method) = identification.method {
            let _ = write!(text, " by {method}");
        }
        if let Some(evidence) = identification.evidence.first() {
            let _ = write!(text, " `{}`", plain(&evidence.value));
        }
        text.push(')');
    }
    text
}

/// Said first of a flow to another user's device, so that nobody takes its place for that of the app's server.
pub(super) fn peer(rule_excludes: bool) -> &'static str {
    if rule_excludes {
        "by STUN the far end is another user's device (a peer of a call), no server of the app, and the rule excludes peers"
    } else {
        "by STUN the far end is another user's device (a peer of a call), no server of the app"
    }
}

/// The first half of a sentence on an address role: "the server stands in", "operator Tencent sits in"…
pub(super) fn stands(role: Role, flow: &EnrichedFlow) -> String {
    let operator = &flow.remote.operator;
    match role {
        Role::Server if flow.record.facts.peer => "the peer is in".to_owned(),
        Role::Server => "the server stands in".to_owned(),
        Role::Registrant => "the address is registered in".to_owned(),
        Role::Operator => match operator.name.as_ref().or(operator.as_name.as_ref()) {
            Some(name) => format!("operator {} sits in", plain(name)),
            None => "the operator sits in".to_owned(),
        },
        Role::Owner => match &operator.owner {
            Some(owner) => format!("{}, the operator's owner, sits in", plain(owner)),
            None => "the operator's owner sits in".to_owned(),
        },
        Role::Vendor => match &flow.identification.app {
            Some(app) => format!("{}, the maker of {}, sits in", plain(&app.vendor), plain(&app.name)),
            None => "the app's maker sits in".to_owned(),
        },
    }
}

/// What a role's answer is called where there is none: "the server's country", …
pub(super) fn called(role: Role) -> &'static str {
    match role {
        Role::Server => "where the server stands",
        Role::Registrant => "where the address is registered",
        Role::Operator => "where the operator sits",
        Role::Owner => "where the operator's owner sits",
        Role::Vendor => "where the app's maker sits",
    }
}

/// "dbip 2026-10 and ipfire 2026-08": the sources that name `country`; `None` when none does.
pub(super) fn sources(answer: &RoleAnswer, country: CountryCode) -> Option<String> {
    let agreeing = || answer.claims.iter().filter(|c| c.country == Some(country)).take(MAX_SOURCES);
    let last = agreeing().count().checked_sub(1)?;
    let mut text = String::with_capacity(64);
    for (at, claim) in agreeing().enumerate() {
        text.push_str(match at {
            0 => "",
            at if at == last => " and ",
            _ => ", ",
        });
        text.push_str(&plain(&claim.source));
        if let Some(date) = &claim.date {
            text.push(' ');
            text.push_str(&plain(date));
        }
    }
    Some(text)
}

/// "dbip 2026-10 says CN, ipfire 2026-08 says SG": every claim.
pub(super) fn claims(answer: &RoleAnswer) -> String {
    let said = answer.claims.iter().filter_map(|c| c.country.map(|country| (c, country)));
    let list: Vec<String> = said
        .take(MAX_SOURCES)
        .map(|(c, country)| {
            let refuted = if c.refuted { " (impossible by round trip)" } else { "" };
            format!("{} says {country}{refuted}", source(c))
        })
        .collect();
    if list.is_empty() { "no source names a country".to_owned() } else { list.join(", ") }
}

fn source(claim: &Claim) -> String {
    match &claim.date {
        Some(date) => format!("{} {}", plain(&claim.source), plain(date)),
        None => plain(&claim.source).into_owned(),
    }
}

/// Bytes as people read them; exact below 10 KiB.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, size)| n >= 10 * size || (n >= *size && n.is_multiple_of(*size))) {
        Some((unit, size)) => format!("{} {unit}", n / size),
        None => format!("{n} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_sentences_cannot_harm_a_terminal_or_a_reader() {
        assert_eq!(plain("a\x1b[31m\u{202e}b\n"), "a?[31m?b?");
        assert_eq!(plain(&"x".repeat(81)).chars().count(), 81);
        assert!(plain(&"x".repeat(81)).ends_with('…'));
    }

    #[test]
    fn bytes_read_as_people_write_them() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1024), "1 KiB");
        assert_eq!(bytes(5000), "5000 bytes");
        assert_eq!(bytes(5 << 20), "5 MiB");
        assert_eq!(bytes((20 << 20) + 5), "20 MiB");
    }
}
