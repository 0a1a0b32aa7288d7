//! Fetches one file over HTTPS: bounded in time and size, and only if it changed.
//!
//! One deadline covers the whole request, redirects and every byte of the answer. Certificates are checked. Plain HTTP is spoken
//! with this host alone, where the first address says so, and never after a redirect elsewhere; a redirect to another host
//! takes no credentials along. No proxy is taken from the environment.
//!
//! What it leaves alone: what the file is, where it is kept, and whether it can be believed. It reads no clock.
//! Limits: [`FetchOptions::limit`] bytes of an answer, few redirects, 16 KiB of headers.

mod error;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use ureq::Agent;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

pub use error::FetchError;

/// Redirects followed: makers of databases hand over to a store with one.
const MAX_REDIRECTS: u32 = 4;
/// No file of certificate authorities is larger.
const MAX_CA_FILE: u64 = 4 << 20;
/// The longest validator that is kept.
const MAX_VALIDATOR: usize = 512;

/// What bounds a request.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// The whole request ends within this.
    pub deadline: Duration,
    /// The largest answer, in bytes as they come over the wire.
    pub limit: u64,
    /// Certificate authorities (PEM) in the place of the public ones.
    pub ca_file: Option<PathBuf>,
}

/// Who asks. Never shown: it has no `Debug`.
pub struct Credentials<'a> {
    /// The account.
    pub user: &'a str,
    /// Its key.
    pub password: &'a str,
}

/// What a server said of the version of a file, to ask it later for a newer one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Validators {
    /// `ETag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// What came of a request.
pub enum Fetched {
    /// The file is the one that the validators are of.
    Unchanged,
    /// There is no such file (404, 410).
    Missing,
    /// The file, yet to be read; it may still break off.
    File(Box<dyn Read + Send>, Validators),
}

/// An address fit to be shown: what stands behind `?` may be a key.
pub fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether an address is HTTPS, or plain HTTP with this host; `Err` says what is wrong.
pub fn check_url(url: &str) -> Result<(), FetchError> {
    parse(url).map(drop)
}

fn parse(url: &str) -> Result<(Uri, bool), FetchError> {
    let bad = |why| FetchError::Address { url: shown(url).to_owned(), why };
    let uri: Uri = url.parse().map_err(|_| bad("is no URL; expected one like `https://example.org/geo/`"))?;
    let host = uri.host().filter(|h| !h.is_empty()).ok_or_else(|| bad("names no host"))?;
    if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        return Err(FetchError::Credentials { host: host.to_owned() });
    }
    match uri.scheme_str() {
        Some("https") => Ok((uri, false)),
        Some("http") if is_this_host(host) => Ok((uri, true)),
        Some("http") => Err(bad("is plain HTTP: anybody on the way could change the file; use `https://`")),
        _ => Err(bad("is neither `https://` nor `http://127.0.0.1`")),
    }
}

/// Whether it is an address of this host; a name is not asked, for what it means may change.
fn is_this_host(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    literal.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Asks for a file; with validators, only if it is not the one that they are of.
pub fn fetch(
    url: &str,
    credentials: Option<&Credentials<'_>>,
    known: Option<&Validators>,
    options: &FetchOptions,
) -> Result<Fetched, FetchError> {
    let (uri, plain) = parse(url)?;
    let agent = agent(options, plain)?;
    let mut request = agent.get(uri);
    if let Some(Credentials { user, password }) = credentials {
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        request = request.header("Authorization", value);
    }
    if let Some(Validators { etag, last_modified }) = known {
        for (name, value) in [("If-None-Match", etag), ("If-Modified-Since", last_modified)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
    }
    let failed = |error: &ureq::Error| FetchError::request(url, error);
    let answer = request.call().map_err(|error| failed(&error))?;
    match answer.status().as_u16() {
        200 => {}
        304 if known.is_some() => return Ok(Fetched::Unchanged),
        404 | 410 => return Ok(Fetched::Missing),
        status => return Err(FetchError::Status { url: shown(url).to_owned(), status }),
    }
    let too_large = || FetchError::TooLarge { url: shown(url).to_owned(), limit: options.limit };
    if answer.body().content_length().is_some_and(|length| length > options.limit) {
        return Err(too_large());
    }
    let validators = validators(answer.headers());
    // One more than allowed: the reader says so itself when the limit is passed.
    let body = answer.into_body().into_with_config().limit(options.limit.saturating_add(1)).reader();
    Ok(Fetched::File(Box::new(body), validators))
}

fn validators(headers: &HeaderMap) -> Validators {
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        (value.len() <= MAX_VALIDATOR).then(|| value.to_owned())
    };
    Validators { etag: text("etag"), last_modified: text("last-modified") }
}

fn agent(options: &FetchOptions, plain: bool) -> Result<Agent, FetchError> {
    let roots = options.ca_file.as_deref().map_or(Ok(RootCerts::WebPki), authorities)?;
    let config = Agent::config_builder()
        .timeout_global(Some(options.deadline))
        .https_only(!plain)
        .max_redirects(MAX_REDIRECTS)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent(concat!("whither/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(16 << 10)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    Ok(Agent::with_parts(config, DefaultConnector::default(), Guarded(DefaultResolver::default())))
}

fn authorities(path: &Path) -> Result<RootCerts, FetchError> {
    let unreadable = |error| FetchError::File { path: path.to_owned(), error };
    let mut pem = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_CA_FILE).read_to_end(&mut pem).map_err(unreadable)?;
    let found: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(FetchError::NoCertificate { path: path.to_owned() });
    }
    Ok(RootCerts::new_with_certs(&found))
}

/// The system's resolver, which for plain HTTP leaves this host alone; so a redirect cannot lead elsewhere in the clear.
#[derive(Debug)]
struct Guarded(DefaultResolver);

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if uri.scheme_str() != Some("https") && !uri.host().is_some_and(is_this_host) {
            return Err(ureq::Error::RequireHttpsOnly(String::new()));
        }
        self.0.resolve(uri, config, timeout)
    }
}
