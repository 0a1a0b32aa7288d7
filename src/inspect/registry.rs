//! All inspectors, in the order in which they are asked. The first that is certain gets the flow.
//!
//! TLS and QUIC come first, for most flows are theirs; the protocols of single applications before the general ones
//! that they may look like.

use super::contract::Signature;
use super::{app, dns, dtls, http, http2, httpdns, quic, socks, stun, tls};

/// For byte streams (TCP).
pub(super) fn streams() -> impl Iterator<Item = &'static Signature> {
    [&tls::STREAM].into_iter().chain(app::STREAMS.iter().copied()).chain([
        &httpdns::STREAM,
        &http::STREAM,
        &http2::STREAM,
        &socks::STREAM,
        &socks::ANSWER,
        &socks::PROXY,
        &stun::STREAM,
        &dns::STREAM,
    ])
}

/// For datagrams (UDP).
pub(super) fn datagrams() -> impl Iterator<Item = &'static Signature> {
    [&dns::DATAGRAMS, &quic::DATAGRAMS, &stun::DATAGRAMS, &dtls::DATAGRAMS]
        .into_iter()
        .chain(app::DATAGRAMS.iter().copied())
        .chain([&http::DATAGRAMS, &quic::GOES_ON])
}
