//! An HTTP server as a sink: one request for each event, signed where a key is given.
//!
//! The signature is `X-Whither-Signature: sha256=HMAC-SHA256(key, timestamp "." body)` in hexadecimal, the timestamp is in
//! `X-Whither-Timestamp` (seconds), so that a receiver can refuse what is old. `X-Whither-Id` is the same at every
//! redelivery of an event. Redirects are not followed, at most 64 KiB of an answer are read, and the deadline covers the
//! whole request. 408, 425, 429 and 5xx are tried again (`Retry-After` is honoured), redirects too (a captive portal is
//! no refusal); any other 4xx is a refusal for good.

mod template;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io::Read;
use std::time::Duration;

use ring::hmac;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use crate::deliver::format::Format;
use crate::model::Timestamp;
use crate::store::Event;

use super::config::{SinkConfig, Template, check_url};
use super::net::{self, Reach};
use super::secret::{Secret, SinkError};
use super::{Attempt, Sink, Trouble};

/// As much of an answer is read as a connection needs to be used again.
const MAX_ANSWER: u64 = 64 << 10;
/// The longest patience that a server may ask for.
const MAX_PATIENCE: Duration = Duration::from_secs(3600);

/// Posts events.
pub(super) struct Webhook {
    agent: Agent,
    /// May be a secret.
    url: Uri,
    format: Format,
    template: Template,
    chat: Option<String>,
    key: Option<hmac::Key>,
    token: Option<Secret>,
}

impl Webhook {
    /// Reads its secrets and makes ready; connects to nobody yet.
    pub(super) fn open(config: &SinkConfig) -> Result<Self, SinkError> {
        let url = match (&config.url, &config.url_file) {
            (Some(url), _) => check_url(url).map_err(|_| SinkError::Missing("url"))?,
            (None, Some(path)) => check_url(Secret::read(path)?.reveal())
                .map_err(|why| SinkError::Address { path: path.clone(), why })?,
            (None, None) => return Err(SinkError::Missing("url")),
        };
        let secret = |path: &Option<_>| path.as_deref().map(Secret::read).transpose();
        let key = secret(&config.secret_file)?
            .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()));
        let reach = if config.allow_private == Some(true) { Reach::Private } else { Reach::Public };
        Ok(Self {
            agent: agent(config, reach)?,
            url,
            format: config.format(),
            template: config.template.unwrap_or(Template::Json),
            chat: config.chat.clone(),
            key,
            token: secret(&config.token_file)?,
        })
    }

    fn post(&self, event: &Event, now: Timestamp) -> Result<(), Trouble> {
        let (content_type, body) = template::body(self.template, self.format, self.chat.as_deref(), event);
        let stamp = now.as_secs().to_string();
        let mut request = self
            .agent
            .post(self.url.clone())
            .header("Content-Type", content_type)
            .header("X-Whither-Id", format!("{}-{}", event.alert, event.seq))
            .header("X-Whither-Timestamp", &stamp);
        for (name, value) in template::headers(self.template, event) {
            request = request.header(name, value);
        }
        if let Some(key) = &self.key {
            request = request.header("X-Whither-Signature", signature(key, &stamp, &body));
        }
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {}", token.reveal()));
        }
        let mut answer = request.send(&body[..]).map_err(|error| trouble(&error))?;
        let status = answer.status().as_u16();
        let patience = answer
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| patience(value, now));
        // Read so that the connection can be used again; a long or dripping answer only costs the connection.
        let _drained =
            std::io::copy(&mut answer.body_mut().as_reader().take(MAX_ANSWER), &mut std::io::sink());
        judge(status, patience)
    }
}

impl Sink for Webhook {
    fn deliver(&mut self, events: &[Event], now: Timestamp) -> Attempt {
        for (done, event) in events.iter().enumerate() {
            if let Err(trouble) = self.post(event, now) {
                return Attempt { done, stopped: Some(trouble) };
            }
        }
        Attempt::all(events.len())
    }
}

fn agent(config: &SinkConfig, reach: Reach) -> Result<Agent, SinkError> {
    let roots = match &config.ca_file {
        None => RootCerts::WebPki,
        Some(path) => {
            let found = net::certificates(path)?;
            let found: Vec<_> = found.iter().map(|c| Certificate::from_der(c).to_owned()).collect();
            RootCerts::new_with_certs(&found)
        }
    };
    let config = Agent::config_builder()
        .timeout_global(Some(config.deadline()))
        .max_redirects(0)
        .http_status_as_error(false)
        // Not from the environment: the address that is judged is the one that is connected to.
        .proxy(None)
        .user_agent(concat!("whither/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(16 << 10)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    Ok(Agent::with_parts(
        config,
        DefaultConnector::default(),
        Judging { reach, system: DefaultResolver::default() },
    ))
}

/// Resolves names and leaves only addresses that may be reached.
#[derive(Debug)]
struct Judging {
    reach: Reach,
    system: DefaultResolver,
}

impl Resolver for Judging {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let all = self.system.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in all.iter().filter(|a| self.reach.allows(a.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() {
            return Err(Error::Io(std::io::Error::new(
                std::io::ErrorKind::PermissionDenied,
                "the address may not be reached (link-local never, private ones with `allow-private`)",
            )));
        }
        Ok(allowed)
    }
}

/// What went wrong, in words that hold nothing of the address.
fn trouble(error: &Error) -> Trouble {
    let why = match error {
        Error::Timeout(_) => "no answer within the deadline".to_owned(),
        Error::HostNotFound => "the name has no address".to_owned(),
        Error::Io(error) => error.to_string(),
        Error::Rustls(error) => format!("TLS: {error}"),
        Error::Protocol(_) => "the answer is no HTTP".to_owned(),
        _ => "the request failed".to_owned(),
    };
    Trouble::Later { why, after: None }
}

fn judge(status: u16, after: Option<Duration>) -> Result<(), Trouble> {
    match status {
        200..=299 => Ok(()),
        408 | 425 | 429 | 300..=399 | 500.. => {
            Err(Trouble::Later { why: format!("the server answered {status}"), after })
        }
        _ => Err(Trouble::Refused { why: format!("the server answered {status}") }),
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
fn patience(value: &str, now: Timestamp) -> Option<Duration> {
    let seconds = if let Ok(seconds) = value.trim().parse::<u64>() {
        seconds
    } else {
        let until = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp().as_second();
        u64::try_from(until.saturating_sub(now.as_secs())).ok()?
    };
    Some(Duration::from_secs(seconds).min(MAX_PATIENCE))
}

fn signature(key: &hmac::Key, stamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(stamp.as_bytes());
    context.update(b".");
    context.update(body);
    let mut text = "sha256=".to_owned();
    for byte in context.sign().as_ref() {
        let _never = write!(text, "{byte:02x}");
    }
    text
}
