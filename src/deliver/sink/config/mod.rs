//! `[[deliver.sink]]`: where alerts go beside the file that is always written.
//!
//! One flat table for all kinds, so that every problem of a file is found at once: a key that belongs to another kind is
//! one, and so is one that is missing.

mod check;
mod kinds;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use check::check_url;
pub use check::validate;
pub use kinds::{MailSecurity, SinkKind, Template, Transport, What};

use crate::deliver::format::Format;
use crate::model::{HumanDuration, Severity};
use crate::store::FLOWS;

/// One sink.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SinkConfig {
    /// Its name; with its kind, the identity under which the store remembers how far it has come.
    pub name: String,
    /// What it is.
    pub kind: SinkKind,
    /// What it gets; flow records go to `file` and `syslog` only.
    #[serde(default)]
    pub what: What,
    /// Alerts below are passed over.
    #[serde(default = "info")]
    pub min_severity: String,
    /// In whose words; the default depends on the kind.
    pub format: Option<Format>,
    /// How long one delivery may take, from the first byte to the last.
    pub timeout: Option<HumanDuration>,
    /// Notifications in any hour; what is more is told together in a digest. 0: no limit.
    pub budget: Option<u32>,
    /// file: where; relative to the state folder. syslog: the local socket.
    pub path: Option<PathBuf>,
    /// syslog, mail: `host:port`.
    pub address: Option<String>,
    /// syslog: how messages travel.
    pub transport: Option<Transport>,
    /// syslog: 5424 or 3164.
    pub rfc: Option<u32>,
    /// syslog: facility, 0 to 23.
    pub facility: Option<u8>,
    /// syslog over TCP and TLS: whether the receiver must close after it has read our end for a batch to count.
    pub confirm: Option<bool>,
    /// TLS: certificate authorities to trust instead of the public ones, in PEM.
    pub ca_file: Option<PathBuf>,
    /// webhook: where to.
    pub url: Option<String>,
    /// webhook: a file with the address, where the address is a secret.
    pub url_file: Option<PathBuf>,
    /// webhook: the shape of the body.
    pub template: Option<Template>,
    /// webhook: a file with the key for the signature.
    pub secret_file: Option<PathBuf>,
    /// webhook: a file with the bearer token.
    pub token_file: Option<PathBuf>,
    /// webhook: whether private addresses may be reached.
    pub allow_private: Option<bool>,
    /// webhook, Telegram: the chat.
    pub chat: Option<String>,
    /// command: the program and its arguments.
    pub command: Option<Vec<String>>,
    /// command, nftables: failures of one event after which it is given up.
    pub attempts: Option<u32>,
    /// mail: sender.
    pub from: Option<String>,
    /// mail: receivers.
    pub to: Option<Vec<String>>,
    /// mail: user.
    pub username: Option<String>,
    /// mail: a file with the password.
    pub password_file: Option<PathBuf>,
    /// mail: protection of the connection.
    pub security: Option<MailSecurity>,
    /// nftables: family and table, like `inet filter`.
    pub table: Option<String>,
    /// nftables: the set for IPv4 addresses.
    pub set: Option<String>,
    /// nftables: the set for IPv6 addresses.
    pub set6: Option<String>,
    /// nftables: how long an address stays in the set.
    pub hold: Option<HumanDuration>,
    /// nftables: only say what would be done.
    pub dry_run: Option<bool>,
}

fn info() -> String {
    "info".to_owned()
}

/// Sinks at most: each is a thread and a reader of the store.
pub const MAX_SINKS: usize = 32;

impl SinkConfig {
    /// A file in ECS.
    pub fn file(name: &str, path: PathBuf) -> Self {
        Self { name: name.to_owned(), min_severity: info(), path: Some(path), ..Self::default() }
    }

    /// The key of a value that may be a secret although it stands in the configuration: an address with a query, or with
    /// a part that nobody would type.
    pub fn written_secret(&self) -> Option<&'static str> {
        let url = self.url.as_deref()?;
        let path = url.split_once("://").map_or(url, |(_, rest)| rest).split_once('/')?.1;
        let token = |part: &str| part.len() >= 20 && part.bytes().any(|b| b.is_ascii_digit());
        (url.contains('?') || path.split('/').any(token)).then_some("url")
    }

    /// The name that the store and the statistics use.
    pub fn id(&self) -> String {
        let of = if self.what == What::Flows { FLOWS } else { "" };
        format!("{of}{}:{}", self.kind.word(), self.name)
    }

    /// The lowest severity that it wants.
    pub fn severity(&self) -> Severity {
        Severity::parse(&self.min_severity).unwrap_or(Severity::Info)
    }

    /// The format, or the kind's own.
    pub fn format(&self) -> Format {
        self.format.unwrap_or(match self.kind {
            SinkKind::Mail | SinkKind::Journal => Format::Text,
            _ => Format::Ecs,
        })
    }

    /// The deadline of one delivery: 10 s unless told otherwise.
    pub fn deadline(&self) -> Duration {
        self.timeout.map_or(Duration::from_secs(10), |t| t.0)
    }

    /// Notifications an hour; `None`: no limit.
    pub fn budget(&self) -> Option<u32> {
        let budget = self.budget.unwrap_or(30);
        (self.kind.notifies() && budget > 0).then_some(budget)
    }
}
