//! Named groups of countries (`eu`, `five-eyes`…): dated data, embedded from config/groups.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::CountryCode;

use super::countries;

const EMBEDDED: &str = include_str!("../../config/groups.toml");

/// Groups may include groups this deep; the shipped ones need two.
const MAX_DEPTH: usize = 8;

/// One group, its members with those of included groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name, lower case.
    pub name: String,
    /// Its members.
    pub members: BTreeSet<CountryCode>,
    /// Who says so.
    pub source: String,
    /// Since when it stood so (ISO 8601).
    pub date: String,
    /// What a user must know, where there is such a thing.
    pub note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    group: BTreeMap<String, Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    includes: Vec<String>,
    source: String,
    date: String,
    note: Option<String>,
}

/// The shipped groups, by name. A defect in the shipped file is caught by its test; here it could only leave groups out.
pub fn shipped() -> &'static BTreeMap<String, Group> {
    static GROUPS: LazyLock<BTreeMap<String, Group>> = LazyLock::new(|| parse(EMBEDDED).unwrap_or_default());
    &GROUPS
}

/// Reads a groups file; the error names the group and the word.
fn parse(text: &str) -> Result<BTreeMap<String, Group>, String> {
    let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
    let mut groups = BTreeMap::new();
    for (name, entry) in &file.group {
        let mut members = BTreeSet::new();
        collect(&file, name, 0, &mut members)?;
        groups.insert(
            name.clone(),
            Group {
                name: name.clone(),
                members,
                source: entry.source.clone(),
                date: entry.date.clone(),
                note: entry.note.clone(),
            },
        );
    }
    Ok(groups)
}

fn collect(file: &File, name: &str, depth: usize, into: &mut BTreeSet<CountryCode>) -> Result<(), String> {
    let entry =
        file.group.get(name).ok_or_else(|| format!("group `{name}` is included but does not exist"))?;
    if depth > MAX_DEPTH {
        return Err(format!("group `{name}` includes itself, or is nested deeper than {MAX_DEPTH}"));
    }
    for code in &entry.members {
        let country = CountryCode::parse(code).filter(|c| countries::is_assigned(c.as_str()));
        into.insert(country.ok_or_else(|| format!("group `{name}`: `{code}` is no ISO 3166-1 code"))?);
    }
    entry.includes.iter().try_for_each(|inner| collect(file, inner, depth + 1, into))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_group_reads_has_members_a_source_and_a_date() {
        let groups = parse(EMBEDDED).unwrap();
        for group in groups.values() {
            assert!(group.members.len() >= 3, "{}", group.name);
            assert!(group.source.len() > 10, "{}", group.name);
            group.date.parse::<jiff::civil::Date>().unwrap_or_else(|_| panic!("{}", group.name));
            assert_eq!(group.name, group.name.to_lowercase());
        }
        let size = |name: &str| groups.get(name).unwrap().members.len();
        assert_eq!(
            [
                size("eu"),
                size("eea"),
                size("five-eyes"),
                size("nine-eyes"),
                size("fourteen-eyes"),
                size("nato")
            ],
            [27, 30, 5, 9, 14, 32]
        );
    }

    #[test]
    fn a_group_that_includes_itself_is_refused() {
        let text = "[group.a]\nincludes=[\"b\"]\nsource=\"s\"\ndate=\"d\"\n[group.b]\nincludes=[\"a\"]\nsource=\"s\"\ndate=\"d\"\n";
        assert!(parse(text).unwrap_err().contains("includes itself"));
        let text = "[group.a]\nmembers=[\"QQ\"]\nsource=\"s\"\ndate=\"d\"\n";
        assert!(parse(text).unwrap_err().contains("`QQ`"));
    }
}
