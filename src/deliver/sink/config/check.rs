//! What is wrong with the configuration of sinks: every problem at once, each with its key and what was expected.

use std::time::Duration;

use ureq::http::Uri;

use super::{MAX_SINKS, MailSecurity, SinkConfig, SinkKind, Template, Transport, What};
use crate::model::{Problem, Severity};

/// The longest deadline of one delivery.
const LONGEST: Duration = Duration::from_secs(60);

/// Checks all sinks.
pub fn validate(sinks: &[SinkConfig], problems: &mut Vec<Problem>) {
    if sinks.len() > MAX_SINKS {
        let message = format!("{} sinks are too many: expected {MAX_SINKS} or fewer", sinks.len());
        problems.push(Problem { key: "deliver.sink".into(), message });
    }
    for (at, sink) in sinks.iter().enumerate() {
        validate_one(sink, at, problems);
        if sinks.iter().take(at).any(|other| other.id() == sink.id()) {
            let message = format!("`{}` names two sinks of the same kind: give each its own name", sink.name);
            problems.push(Problem { key: format!("deliver.sink[{at}].name"), message });
        }
    }
}

/// Names every value that makes no sense; `at` is the sink's place in the file.
fn validate_one(sink: &SinkConfig, at: usize, problems: &mut Vec<Problem>) {
    let mut check = Check { at, kind: sink.kind, problems };
    check.shared(sink);
    check.keys(sink);
    check.flows(sink);
    match sink.kind {
        SinkKind::File => check.file(sink),
        SinkKind::Syslog => check.syslog(sink),
        SinkKind::Webhook => check.webhook(sink),
        SinkKind::Command => check.command(sink),
        SinkKind::Mail => check.mail(sink),
        SinkKind::Nftables => check.nftables(sink),
        SinkKind::Journal => {}
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
pub(in crate::deliver::sink) fn check_url(url: &str) -> Result<Uri, String> {
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
