//! Accounts and keys for `whither geoip update`: from the environment or from files of their own, never from the command line,
//! where every user of the machine can read them. None is ever printed.

use std::path::Path;

use crate::cli::output::Failure;
use crate::deliver::sink::Secret;
use crate::enrich::update::{Account, Source, UpdateConfig};

const MAXMIND_ID: &str = "WHITHER_MAXMIND_ACCOUNT_ID";
const MAXMIND_KEY: &str = "WHITHER_MAXMIND_LICENSE_KEY";
const IPINFO: &str = "WHITHER_IPINFO_TOKEN";

/// What is known of the admin's accounts. Never shown: it has no `Debug`.
#[derive(Default)]
pub(super) struct Keys {
    /// MaxMind: account id and licence key.
    pub(super) maxmind: Option<(String, String)>,
    /// IPinfo: token.
    pub(super) ipinfo: Option<String>,
}

impl Keys {
    /// Finds what `sources` need, or says what is missing and where to get it.
    pub(super) fn find(sources: &[Source], config: &UpdateConfig) -> Result<Self, Failure> {
        let mut keys = Self::default();
        for source in sources {
            match source.account() {
                Account::None => {}
                Account::Maxmind => keys.maxmind = Some(maxmind(*source, config)?),
                Account::Ipinfo => keys.ipinfo = Some(ipinfo(*source, config)?),
            }
        }
        Ok(keys)
    }
}

fn maxmind(source: Source, config: &UpdateConfig) -> Result<(String, String), Failure> {
    let id = variable(MAXMIND_ID)?.or_else(|| config.maxmind_account_id.clone());
    let key = secret(MAXMIND_KEY, config.maxmind_license_key_file.as_deref())?;
    id.zip(key).ok_or_else(|| {
        missing(
            source,
            &format!("{MAXMIND_ID} and {MAXMIND_KEY}"),
            "`enrich.update.maxmind-account-id` and `enrich.update.maxmind-license-key-file`",
            "https://www.maxmind.com/en/geolite2/signup",
        )
    })
}

fn ipinfo(source: Source, config: &UpdateConfig) -> Result<String, Failure> {
    let token = secret(IPINFO, config.ipinfo_token_file.as_deref())?;
    token.ok_or_else(|| {
        missing(source, IPINFO, "`enrich.update.ipinfo-token-file`", "https://ipinfo.io/signup")
    })
}

fn missing(source: Source, variables: &str, keys: &str, signup: &str) -> Failure {
    Failure::Usage(format!(
        "{} needs a free account ({signup}): set {variables} in the environment, or {keys} in the configuration; \
         `dbip-country` and `dbip-asn` need none",
        source.word()
    ))
}

fn secret(name: &str, file: Option<&Path>) -> Result<Option<String>, Failure> {
    let value = match (variable(name)?, file) {
        (Some(value), _) => Some(value),
        (None, Some(path)) => {
            let secret = Secret::read(path).map_err(|e| Failure::Usage(e.to_string()))?;
            Some(secret.reveal().to_owned())
        }
        (None, None) => None,
    };
    match value {
        // It goes into an address or a header: what could end either is no key.
        Some(value) if !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)) => {
            let place = file.map_or_else(|| name.to_owned(), |p| format!("{name} or `{}`", p.display()));
            Err(Failure::Usage(format!("{place}: this is no key (letters, digits, `_`, `-` and `.` only)")))
        }
        value => Ok(value),
    }
}

fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|v| !v.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Usage(format!("{name} is no text"))),
    }
}
