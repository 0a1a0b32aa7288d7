//! `[[deliver.sink]]`: where alerts go beside the file that is always written.
//!
//! One flat table for all kinds, so that every problem of a file is found at once: a key that belongs to another kind is
//! one, and so is one that is missing.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use crate::deliver::format::Format;
use crate::model::{HumanDuration, Problem, Severity};
use crate::store::FLOWS;

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
    const fn address_is_secret(self) -> bool {
        matches!(self, Self::Slack | Self::Teams | Self::Discord | Self::Telegram)
    }
}

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

/// The longest deadline of one delivery.
const LONGEST: Duration = Duration::from_secs(60);
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

    /// Names every value that makes no sense; `at` is the sink's place in the file.
    fn validate(&self, at: usize, problems: &mut Vec<Problem>) {
        let mut check = Check { at, kind: self.kind, problems };
        check.shared(self);
        check.keys(self);
        check.flows(self);
        match self.kind {
            SinkKind::File => check.file(self),
            SinkKind::Syslog => check.syslog(self),
            SinkKind::Webhook => check.webhook(self),
            SinkKind::Command => check.command(self),
            SinkKind::Mail => check.mail(self),
            SinkKind::Nftables => check.nftables(self),
            SinkKind::Journal => {}
        }
    }
}

/// Checks all sinks.
pub fn validate(sinks: &[SinkConfig], problems: &mut Vec<Problem>) {
    if sinks.len() > MAX_SINKS {
        let message = format!("{} sinks are too many: expected {MAX_SINKS} or fewer", sinks.len());
        problems.push(Problem { key: "deliver.sink".into(), message });
    }
    for (at, sink) in sinks.iter().enumerate() {
        sink.validate(at, problems);
        if sinks.iter().take(at).any(|other| other.id() == sink.id()) {
            let message = format!("`{}` names two sinks of the same kind: give each its own name", sink.name);
            problems.push(Problem { key: format!("deliver.sink[{at}].name"), message });
        }
    }
}

struct Check<'a> {
    at: usize,
    kind: SinkKind,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.problems
            .push(Problem { key: format!("deliver.sink[{}].{key}", self.at), message: message.into() });
    }

    fn need(&mut self, key: &str, there: bool, what: &str) {
        if !there {
            self.wrong(key, format!("is missing: kind `{}` needs {what}", self.kind.word()));
        }
    }

    fn shared(&mut self, sink: &SinkConfig) {
        if !is_word(&sink.name) {
            self.wrong("name", format!("`{}` is no name: expected 1 to 64 of a-z, 0-9, `-`, `_`", sink.name));
        }
        if Severity::parse(&sink.min_severity).is_none() {
            self.wrong(
                "min-severity",
                format!("`{}` is not known: expected info, low, medium, high or critical", sink.min_severity),
            );
        }
        if !(Duration::from_millis(100)..=LONGEST).contains(&sink.deadline()) {
            self.wrong("timeout", "is out of range: expected 100ms to 1m");
        }
        if sink.budget.is_some_and(|b| b == 1 || b > 10_000) {
            self.wrong(
                "budget",
                "is out of range: expected 0 (no limit) or 2 to 10000; one is kept for the digest",
            );
        }
        if sink.attempts.is_some_and(|a| !(1..=1000).contains(&a)) {
            self.wrong("attempts", "is out of range: expected 1 to 1000");
        }
    }

    /// Flow records are many, and nobody is woken by one.
    fn flows(&mut self, sink: &SinkConfig) {
        if sink.what != What::Flows {
            return;
        }
        if !matches!(self.kind, SinkKind::File | SinkKind::Syslog) {
            self.wrong(
                "what",
                "`flows` go to kinds file and syslog only: there are too many for one request each",
            );
        }
        if !sink.format().has_flows() {
            self.wrong("format", "has no words for flow records: expected ecs or ocsf");
        }
        if sink.severity() != Severity::Info {
            self.wrong("min-severity", "is of alerts; flow records have none");
        }
    }

    /// Keys that the kind does not have.
    fn keys(&mut self, sink: &SinkConfig) {
        use SinkKind::{Command, File, Journal, Mail, Nftables, Syslog, Webhook};
        let given: [(&str, bool, &[SinkKind]); 29] = [
            ("format", sink.format.is_some(), &[File, Syslog, Webhook, Command, Mail, Journal]),
            ("timeout", sink.timeout.is_some(), &[Syslog, Webhook, Command, Mail, Nftables]),
            ("budget", sink.budget.is_some(), &[Webhook, Command, Mail]),
            ("path", sink.path.is_some(), &[File, Syslog, Journal]),
            ("address", sink.address.is_some(), &[Syslog, Mail]),
            ("transport", sink.transport.is_some(), &[Syslog]),
            ("rfc", sink.rfc.is_some(), &[Syslog]),
            ("facility", sink.facility.is_some(), &[Syslog]),
            ("confirm", sink.confirm.is_some(), &[Syslog]),
            ("ca-file", sink.ca_file.is_some(), &[Syslog, Webhook, Mail]),
            ("url", sink.url.is_some(), &[Webhook]),
            ("url-file", sink.url_file.is_some(), &[Webhook]),
            ("template", sink.template.is_some(), &[Webhook]),
            ("secret-file", sink.secret_file.is_some(), &[Webhook]),
            ("token-file", sink.token_file.is_some(), &[Webhook]),
            ("allow-private", sink.allow_private.is_some(), &[Webhook]),
            ("chat", sink.chat.is_some(), &[Webhook]),
            ("command", sink.command.is_some(), &[Command]),
            ("attempts", sink.attempts.is_some(), &[Command, Nftables]),
            ("from", sink.from.is_some(), &[Mail]),
            ("to", sink.to.is_some(), &[Mail]),
            ("username", sink.username.is_some(), &[Mail]),
            ("password-file", sink.password_file.is_some(), &[Mail]),
            ("security", sink.security.is_some(), &[Mail]),
            ("table", sink.table.is_some(), &[Nftables]),
            ("set", sink.set.is_some(), &[Nftables]),
            ("set6", sink.set6.is_some(), &[Nftables]),
            ("hold", sink.hold.is_some(), &[Nftables]),
            ("dry-run", sink.dry_run.is_some(), &[Nftables]),
        ];
        for (key, there, kinds) in given {
            if there && !kinds.contains(&self.kind) {
                let words: Vec<&str> = kinds.iter().map(|k| k.word()).collect();
                self.wrong(
                    key,
                    format!("is no key of kind `{}`; it belongs to {}", self.kind.word(), words.join(", ")),
                );
            }
        }
    }

    fn file(&mut self, sink: &SinkConfig) {
        self.need("path", sink.path.as_ref().is_some_and(|p| !p.as_os_str().is_empty()), "a path");
        if sink.format.is_some_and(|f| !f.is_json()) {
            self.wrong(
                "format",
                "is no JSON: a file takes ecs, ocsf or eve, so that a torn line can be told",
            );
        }
    }

    fn syslog(&mut self, sink: &SinkConfig) {
        let local = sink.transport.is_none_or(|t| t == Transport::Local);
        match (&sink.address, local) {
            (None, false) => self.need("address", false, "host:port for this transport"),
            (Some(_), true) => {
                self.wrong("address", "is not used by transport `local`; name udp, tcp or tls");
            }
            (Some(address), false) if !is_address(address) => {
                self.wrong("address", format!("`{address}` is no address: expected host:port"));
            }
            _ => {}
        }
        if sink.path.is_some() && !local {
            self.wrong("path", "is only used by transport `local`");
        }
        if sink.ca_file.is_some() && sink.transport != Some(Transport::Tls) {
            self.wrong("ca-file", "is only used by transport `tls`");
        }
        if sink.rfc.is_some_and(|r| r != 5424 && r != 3164) {
            self.wrong("rfc", "is not known: expected 5424 or 3164");
        }
        if sink.facility.is_some_and(|f| f > 23) {
            self.wrong("facility", "is out of range: expected 0 to 23");
        }
    }

    fn webhook(&mut self, sink: &SinkConfig) {
        let template = sink.template.unwrap_or(Template::Json);
        match (&sink.url, &sink.url_file) {
            (None, None) => self.need("url", false, "`url` or `url-file`"),
            (Some(_), Some(_)) => self.wrong("url", "and `url-file` are both given: keep one"),
            (Some(_), None) if template.address_is_secret() => {
                self.wrong(
                    "url",
                    "is a secret with this template: put it into a file and name that as `url-file`",
                );
            }
            (Some(url), None) => {
                if let Err(why) = check_url(url) {
                    self.wrong("url", why);
                }
            }
            (None, Some(_)) => {}
        }
        if (template == Template::Telegram) != sink.chat.is_some() {
            self.wrong("chat", "belongs to template `telegram`, which needs it");
        }
        if template != Template::Json && sink.format.is_some() {
            self.wrong("format", "is only used by template `json`");
        }
        if sink.format.is_some_and(|f| !f.is_json()) {
            self.wrong("format", "is no JSON: a webhook takes ecs, ocsf or eve");
        }
    }

    fn command(&mut self, sink: &SinkConfig) {
        let program = sink.command.as_ref().and_then(|c| c.first());
        let absolute = program.is_some_and(|p| p.starts_with('/'));
        self.need(
            "command",
            absolute,
            "an absolute path and arguments, like [\"/usr/local/bin/notify\", \"-x\"]",
        );
        if sink.command.iter().flatten().any(|a| a.contains('\0')) {
            self.wrong("command", "has an argument with a NUL byte");
        }
    }

    fn mail(&mut self, sink: &SinkConfig) {
        self.need("address", sink.address.as_deref().is_some_and(is_address), "host:port of a mail server");
        self.need("from", sink.from.as_deref().is_some_and(is_mailbox), "a sender like whither@example.org");
        let to = sink.to.as_deref().unwrap_or_default();
        let good = !to.is_empty() && to.len() <= 100 && to.iter().all(|t| is_mailbox(t));
        self.need("to", good, "1 to 100 receivers like admin@example.org");
        if sink.username.is_some() != sink.password_file.is_some() {
            self.wrong("username", "and `password-file` belong together");
        }
        if sink.username.is_some() && sink.security == Some(MailSecurity::None) {
            self.wrong(
                "security",
                "`none` would show the password to everyone on the way: take tls or starttls",
            );
        }
    }

    fn nftables(&mut self, sink: &SinkConfig) {
        let table = sink.table.as_deref().and_then(|t| t.split_once(' '));
        let family = |f: &str| ["ip", "ip6", "inet", "bridge", "netdev"].contains(&f);
        self.need(
            "table",
            table.is_some_and(|(f, t)| family(f) && is_identifier(t)),
            "family and table, like `inet filter`",
        );
        self.need("set", sink.set.is_some() || sink.set6.is_some(), "`set` or `set6`");
        for (key, set) in [("set", &sink.set), ("set6", &sink.set6)] {
            if set.as_deref().is_some_and(|s| !is_identifier(s)) {
                self.wrong(key, "is no name of a set: expected letters, digits and `_`");
            }
        }
        let range = Duration::from_secs(1)..=Duration::from_secs(365 * 86_400);
        if sink.hold.is_some_and(|h| !range.contains(&h.0)) {
            self.wrong("hold", "is out of range: expected 1s to 365d");
        }
    }
}

/// Why an address cannot be a webhook's.
pub(super) fn check_url(url: &str) -> Result<Uri, String> {
    let uri: Uri =
        url.trim().parse().map_err(|_| "is no web address: expected https://host/path".to_owned())?;
    if !matches!(uri.scheme_str(), Some("https" | "http")) {
        return Err("has no scheme `https` or `http`".into());
    }
    if uri.authority().is_none_or(|a| a.host().is_empty()) {
        return Err("names no host".into());
    }
    if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        return Err("holds a user or password: use `token-file`".into());
    }
    Ok(uri)
}

fn is_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_identifier(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && port.parse::<u16>().is_ok_and(|p| p > 0)
            && text.bytes().all(|b| b.is_ascii_graphic())
    })
}

/// Strict on purpose: it goes into an SMTP command as it is.
fn is_mailbox(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-@".contains(&b);
    text.len() <= 254
        && text.bytes().all(allowed)
        && text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        #[derive(Deserialize)]
        struct File {
            sink: Vec<SinkConfig>,
        }
        let file: File = toml::from_str(text).unwrap();
        let mut problems = Vec::new();
        validate(&file.sink, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn sinks_of_every_kind_are_accepted() {
        let text = r#"
            sink = [
              { name = "copy", kind = "file", path = "copy.jsonl", format = "ocsf" },
              { name = "siem", kind = "syslog", transport = "tls", address = "[2001:db8::1]:6514", format = "cef" },
              { name = "here", kind = "syslog", min-severity = "high" },
              { name = "soc", kind = "webhook", url = "https://soc.example/alerts", secret-file = "/etc/whither/key", budget = 0 },
              { name = "chat", kind = "webhook", url-file = "/etc/whither/slack", template = "slack" },
              { name = "run", kind = "command", command = ["/usr/local/bin/notify", "$(touch x)"] },
              { name = "admin", kind = "mail", address = "mail.example:465", from = "w@example.org", to = ["a@example.org"], security = "tls" },
              { name = "journal", kind = "journal" },
              { name = "copy", kind = "file", path = "flows.jsonl", format = "ocsf", what = "flows" },
              { name = "block", kind = "nftables", table = "inet filter", set = "flagged", hold = "1h" },
            ]"#;
        assert_eq!(problems(text), [""; 0]);
    }

    #[test]
    fn every_problem_of_every_sink_is_named_with_its_place() {
        let text = r#"
            sink = [
              { name = "A b", kind = "webhook", min-severity = "bad", budget = 1 },
              { name = "x", kind = "webhook", url = "file:///etc/passwd" },
              { name = "y", kind = "webhook", url = "https://hooks.slack.example/T/B/x", template = "slack" },
              { name = "z", kind = "webhook", url = "https://user:pw@host/" },
              { name = "c", kind = "command", command = ["notify"], set = "x" },
              { name = "c", kind = "command", command = ["/notify"] },
              { name = "m", kind = "mail", address = "h:25", from = "a@b\r\nRCPT TO:<x@y>", to = [], username = "u", security = "none" },
              { name = "n", kind = "nftables", table = "inet filter; flush ruleset", set = "a b" },
              { name = "s", kind = "syslog", transport = "tcp", facility = 24, rfc = 1 },
              { name = "f", kind = "webhook", url = "https://h/", what = "flows", format = "eve", min-severity = "high" },
            ]"#;
        let found = problems(text).join("\n");
        for part in [
            "`deliver.sink[0].name`",
            "sink[0].min-severity",
            "sink[0].budget",
            "sink[0].url",
            "sink[1].url",
            "sink[2].url",
            "sink[3].url",
            "sink[4].command",
            "sink[4].set`: is no key of kind `command`",
            "sink[5].name",
            "sink[6].from",
            "sink[6].to",
            "sink[6].username",
            "sink[6].security",
            "sink[7].table",
            "sink[7].set",
            "sink[8].address",
            "sink[8].facility",
            "sink[8].rfc",
            "sink[9].what",
            "sink[9].format",
            "sink[9].min-severity",
        ] {
            assert!(found.contains(part), "{part} is missing in:\n{found}");
        }
    }
}
