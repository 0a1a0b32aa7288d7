//! The `[enrich.update]` section of the configuration: where `whither geoip update` gets databases from.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Source;
use crate::model::{HumanDuration, Problem};

/// Which databases are fetched, from where, and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct UpdateConfig {
    /// What is fetched.
    pub sources: Vec<Source>,
    /// Folder that they are kept in; `geoip` in the state folder where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// An address that holds copies under the makers' own names; no account is asked for there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// Certificate authorities (PEM) in the place of the public ones, for a mirror of your own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Account id at MaxMind (or `WHITHER_MAXMIND_ACCOUNT_ID` in the environment).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxmind_account_id: Option<String>,
    /// File with the licence key for MaxMind (or `WHITHER_MAXMIND_LICENSE_KEY`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxmind_license_key_file: Option<PathBuf>,
    /// File with the token for IPinfo (or `WHITHER_IPINFO_TOKEN`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipinfo_token_file: Option<PathBuf>,
    /// How long the fetching of one file may take.
    pub deadline: HumanDuration,
}

impl Default for UpdateConfig {
    fn default() -> Self {
        Self {
            sources: vec![Source::DbipCountry, Source::DbipAsn],
            folder: None,
            mirror: None,
            ca_file: None,
            maxmind_account_id: None,
            maxmind_license_key_file: None,
            ipinfo_token_file: None,
            deadline: HumanDuration::from_secs(600),
        }
    }
}

impl UpdateConfig {
    /// Adds what is wrong with it to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut problem = |key: &str, message: &str| {
            problems.push(Problem { key: format!("enrich.update.{key}"), message: message.to_owned() });
        };
        if self.deadline.0 < Duration::from_secs(1) {
            problem("deadline", "is less than a second: expected a time like `10m`");
        }
        let empty = |path: &Option<PathBuf>| path.as_ref().is_some_and(|p| p.as_os_str().is_empty());
        for (key, path) in [
            ("folder", &self.folder),
            ("ca-file", &self.ca_file),
            ("maxmind-license-key-file", &self.maxmind_license_key_file),
            ("ipinfo-token-file", &self.ipinfo_token_file),
        ] {
            if empty(path) {
                problem(key, "is empty: expected a path");
            }
        }
        if self.mirror.as_ref().is_some_and(|m| !m.starts_with("https://") && !m.starts_with("http://")) {
            problem("mirror", "is no address: expected one like `https://mirror.example/geo/`");
        }
        if self.maxmind_account_id.as_ref().is_some_and(|id| !id.bytes().all(|b| b.is_ascii_alphanumeric())) {
            problem("maxmind-account-id", "is no account id: expected a number");
        }
    }
}
