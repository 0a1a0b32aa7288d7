//! The shipped policies, chosen by name. Each file is also a valid fragment of a configuration file, to start one from.

use serde::Deserialize;

use super::PolicyConfig;

/// One shipped policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Its name (`named-2020`).
    pub name: &'static str,
    /// Its file: TOML with comments on what it can and cannot say.
    pub text: &'static str,
}

const PROFILES: &[Profile] = &[
    Profile { name: "flag-none", text: include_str!("../../config/profiles/flag-none.toml") },
    Profile { name: "named-2020", text: include_str!("../../config/profiles/named-2020.toml") },
    Profile {
        name: "chinese-jurisdiction",
        text: include_str!("../../config/profiles/chinese-jurisdiction.toml"),
    },
    Profile {
        name: "russian-jurisdiction",
        text: include_str!("../../config/profiles/russian-jurisdiction.toml"),
    },
    Profile { name: "outside-eu", text: include_str!("../../config/profiles/outside-eu.toml") },
    Profile {
        name: "us-countries-of-concern",
        text: include_str!("../../config/profiles/us-countries-of-concern.toml"),
    },
];

/// All shipped profiles, the default one first.
pub fn profiles() -> &'static [Profile] {
    PROFILES
}

/// The profile of that name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: PolicyConfig,
}

impl Profile {
    /// Its first comment line: what it is for.
    pub fn summary(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }

    /// Its rules; the error is a defect of the shipped file and tested against.
    pub fn config(&self) -> Result<PolicyConfig, String> {
        toml::from_str::<File>(self.text)
            .map(|f| f.policy)
            .map_err(|e| format!("profile `{}`: {e}", self.name))
    }
}
