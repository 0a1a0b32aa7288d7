//! The words of a sink's configuration: what it is, what it gets, and how that travels.

use serde::{Deserialize, Serialize};

/// What a sink is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// A file of JSON lines.
    #[default]
    File,
    /// A syslog receiver, or this host's own.
    Syslog,
    /// An HTTP server.
    Webhook,
    /// A program.
    Command,
    /// A mail server.
    Mail,
    /// The systemd journal.
    Journal,
    /// A named set of nftables.
    Nftables,
}

impl SinkKind {
    /// The word in the configuration, and before the name in the store and the statistics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Syslog => "syslog",
            Self::Webhook => "webhook",
            Self::Command => "command",
            Self::Mail => "mail",
            Self::Journal => "journal",
            Self::Nftables => "nftables",
        }
    }

    /// Whether it disturbs people, so that it has a budget.
    pub const fn notifies(self) -> bool {
        matches!(self, Self::Webhook | Self::Command | Self::Mail)
    }
}

/// What a sink gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Alerts.
    #[default]
    Alerts,
    /// Flow records.
    Flows,
}

/// How syslog messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams (RFC 5426): nobody says whether they arrive.
    Udp,
    /// Counted octets (RFC 6587 §3.4.1).
    Tcp,
    /// Counted octets over TLS (RFC 5425).
    Tls,
    /// The socket of this host's syslog.
    Local,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// STARTTLS, demanded (RFC 3207).
    Starttls,
    /// None; only without a password.
    None,
}

/// What the body of a webhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Template {
    /// The document in the sink's `format`.
    Json,
    /// Slack's incoming webhook.
    Slack,
    /// A Teams workflow, as an adaptive card.
    Teams,
    /// A Discord webhook.
    Discord,
    /// Telegram's `sendMessage`.
    Telegram,
    /// An ntfy topic.
    Ntfy,
}

impl Template {
    /// Whether whoever knows the address may write there: then it must not stand in the configuration file.
    pub(super) const fn address_is_secret(self) -> bool {
        matches!(self, Self::Slack | Self::Teams | Self::Discord | Self::Telegram)
    }
}
