//! Ready-made policies (`config/profiles/*.toml`), each a policy section with a word on what it can and cannot say.

use super::config::{PolicyConfig, Rule};

/// One profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The name for `--profile`.
    pub name: &'static str,
    /// Its first comment line.
    pub about: String,
    /// Its rules.
    pub rules: Vec<Rule>,
}

const FILES: [(&str, &str); 4] = [
    ("named-2020", include_str!("../../config/profiles/named-2020.toml")),
    ("chinese-jurisdiction", include_str!("../../config/profiles/chinese-jurisdiction.toml")),
    ("russian-jurisdiction", include_str!("../../config/profiles/russian-jurisdiction.toml")),
    ("outside-eu", include_str!("../../config/profiles/outside-eu.toml")),
];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: PolicyConfig,
}

/// All profiles.
pub fn profiles() -> Vec<Profile> {
    FILES.iter().filter_map(|(name, text)| read(name, text)).collect()
}

/// The profile of that name.
pub fn profile(name: &str) -> Option<Profile> {
    FILES.iter().find(|(n, _)| *n == name).and_then(|(name, text)| read(name, text))
}

fn read(name: &'static str, text: &str) -> Option<Profile> {
    let about = text.lines().next()?.trim_start_matches(['#', ' ']).to_owned();
    let file: File = toml::from_str(text).ok()?;
    Some(Profile { name, about, rules: file.policy.rule })
}
