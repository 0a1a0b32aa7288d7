//! Why a file cannot be fetched: always with the address, less what may be a key, and with what to do.

use std::path::PathBuf;

use super::shown;

/// An error of fetching.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address cannot be used.
    #[error("`{url}` {why}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The address holds a user and a password.
    #[error("the address of `{host}` holds credentials, where others can read them; take them out")]
    Credentials {
        /// The host.
        host: String,
    },
    /// Certificate authorities cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A file of certificate authorities holds none.
    #[error("`{}` holds no certificate in PEM", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// No answer came, or no HTTP.
    #[error("{url}: {why}")]
    Request {
        /// The address.
        url: String,
        /// What went wrong, and what to do.
        why: String,
    },
    /// The server refuses.
    #[error("{url}: the server answered {status}{}", remedy(*status))]
    Status {
        /// The address.
        url: String,
        /// HTTP's status code.
        status: u16,
    },
    /// The answer is larger than allowed.
    #[error(
        "{url}: the file is larger than the {limit} bytes allowed; raise `enrich.max-database-size` if it is meant to be"
    )]
    TooLarge {
        /// The address.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
}

const fn remedy(status: u16) -> &'static str {
    match status {
        401 | 403 => ": the account, key or token is wrong or not allowed this file; see your account there",
        429 => ": too many downloads today; try again tomorrow",
        500.. => ": try again later",
        _ => "",
    }
}

impl FetchError {
    pub(super) fn request(url: &str, error: &ureq::Error) -> Self {
        Self::Request { url: shown(url).to_owned(), why: why(error) }
    }

    /// What went wrong while the answer was read.
    pub fn broken_off(url: &str, limit: u64, error: &std::io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        match inner {
            Some(ureq::Error::BodyExceedsLimit(_)) => Self::TooLarge { url: shown(url).to_owned(), limit },
            Some(inner) => Self::request(url, inner),
            None => Self::Request {
                url: shown(url).to_owned(),
                why: format!("the download broke off: {error}; try again"),
            },
        }
    }
}

/// In words that hold nothing of an address: a redirect's may be a key.
fn why(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => {
            "not done within the deadline; try again, or raise `enrich.update.deadline`".to_owned()
        }
        ureq::Error::HostNotFound => "the name has no address; is the network there?".to_owned(),
        // What the handshake says comes as invalid data.
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            format!("TLS: {error}; is the clock right, and does nobody stand between here and there?")
        }
        ureq::Error::Io(error) => format!("{error}; is the network there? try again"),
        ureq::Error::ConnectionFailed => "no connection; try again".to_owned(),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        ureq::Error::RequireHttpsOnly(_) => "it redirects to plain HTTP, which is refused".to_owned(),
        ureq::Error::TooManyRedirects => "it redirects too often".to_owned(),
        ureq::Error::Protocol(_) => "the answer is no HTTP".to_owned(),
        _ => "the request failed; try again".to_owned(),
    }
}
