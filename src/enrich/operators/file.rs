//! A table's file: its form, and from a group and its networks to rows.

use std::sync::Arc;

use ipnet::IpNet;
use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::OperatorRow;
use crate::model::{Certainty, CountryCode};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TableFile {
    /// The day on which the table was last looked through.
    pub(super) as_of: String,
    #[serde(default)]
    pub(super) group: Vec<Spanned<Group>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) country: String,
    pub(super) owner: Option<String>,
    pub(super) owner_country: Option<String>,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) cdn: bool,
    #[serde(default)]
    pub(super) anycast: bool,
    pub(super) source: String,
    pub(super) source_date: String,
    pub(super) certainty: String,
    pub(super) owner_certainty: Option<String>,
    pub(super) note: Option<String>,
    #[serde(default)]
    pub(super) network: Vec<Spanned<Network>>,
}

/// Networks of a group; what is given here goes before what the group says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Network {
    #[serde(default)]
    pub(super) asns: Vec<u32>,
    #[serde(default)]
    pub(super) prefixes: Vec<IpNet>,
    pub(super) name: Option<String>,
    pub(super) country: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) owner_country: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) cdn: Option<bool>,
    pub(super) anycast: Option<bool>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    pub(super) source: Option<String>,
    pub(super) source_date: Option<String>,
    pub(super) certainty: Option<String>,
    pub(super) owner_certainty: Option<String>,
    pub(super) note: Option<String>,
}

pub(super) fn date(text: &str, key: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{key}` is `{text}`: expected a date like `2026-06-17`"))
}

fn country(text: &str, key: &str) -> Result<CountryCode, String> {
    CountryCode::parse(text)
        .ok_or_else(|| format!("`{key}` is `{text}`: expected an ISO 3166-1 code like `CN`"))
}

fn certainty(text: &str) -> Result<Certainty, String> {
    [Certainty::High, Certainty::Medium, Certainty::Low, Certainty::Disputed]
        .into_iter()
        .find(|c| c.word() == text)
        .ok_or_else(|| format!("`certainty` is `{text}`: expected `high`, `medium`, `low` or `disputed`"))
}

/// Joins a network with its group.
pub(super) fn row(
    group: &Group,
    network: &Network,
    file: &Arc<str>,
    line: usize,
) -> Result<OperatorRow, String> {
    fn pick<'a>(own: Option<&'a String>, groups: &'a str) -> &'a str {
        own.map_or(groups, String::as_str)
    }
    if network.asns.is_empty() && network.prefixes.is_empty() {
        return Err("the network has neither `asns` nor `prefixes`".to_owned());
    }
    let owner_country = network.owner_country.as_ref().or(group.owner_country.as_ref());
    let owner = network.owner.as_ref().or(group.owner.as_ref());
    if owner.is_some() != owner_country.is_some() {
        return Err("`owner` and `owner-country` go together".to_owned());
    }
    let source = pick(network.source.as_ref(), &group.source);
    let certainty = certainty(pick(network.certainty.as_ref(), &group.certainty))?;
    if source.trim().is_empty() {
        return Err(
            "`source` is empty; write `unconfirmed` with `certainty = \"low\"` if there is none".to_owned()
        );
    }
    if source == "unconfirmed" && certainty != Certainty::Low {
        return Err("an unconfirmed row must have `certainty = \"low\"`".to_owned());
    }
    // An owner is never surer than the row itself.
    let owner_certainty = match network.owner_certainty.as_ref().or(group.owner_certainty.as_ref()) {
        Some(word) => self::certainty(word)?.min(certainty),
        None => certainty,
    };
    let since = network.since.as_deref().map(|d| date(d, "since")).transpose()?;
    let until = network.until.as_deref().map(|d| date(d, "until")).transpose()?;
    if matches!((since, until), (Some(s), Some(u)) if u < s) {
        return Err("`until` is before `since`".to_owned());
    }
    Ok(OperatorRow {
        group: group.id.as_str().into(),
        name: pick(network.name.as_ref(), &group.name).into(),
        country: Some(country(pick(network.country.as_ref(), &group.country), "country")?),
        owner: owner.map(|o| o.as_str().into()),
        owner_country: owner_country.map(|c| country(c, "owner-country")).transpose()?,
        kind: pick(network.kind.as_ref(), &group.kind).into(),
        cdn: network.cdn.unwrap_or(group.cdn),
        anycast: network.anycast.unwrap_or(group.anycast),
        since,
        until,
        source: source.into(),
        source_date: pick(network.source_date.as_ref(), &group.source_date).into(),
        certainty,
        owner_certainty,
        note: network.note.as_ref().or(group.note.as_ref()).map(|n| n.as_str().into()),
        file: Arc::clone(file),
        line,
    })
}
