//! What spans the flows of one capture thread: open DNS questions, ids of QUIC connections, cover names, and counters of
//! limits.

use std::collections::BTreeMap;

use crate::model::Timestamp;

use super::config::InspectConfig;
use super::dns::Questions;
use super::quic::Connections;
use super::tls::Covers;

/// A bound of an inspector; each has a counter in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// One direction of a connection said more than is put together.
    Stream,
    /// A QUIC handshake was given up.
    Quic,
    /// A DTLS handshake was given up.
    Dtls,
}

impl Limit {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Stream, "stream_limit"), (Self::Quic, "quic_limit"), (Self::Dtls, "dtls_limit")];
}

/// Tables and counters of one capture thread.
#[derive(Debug)]
pub(super) struct Thread {
    /// Bytes put together of one direction of a connection.
    pub(super) max_stream: usize,
    /// DNS questions that wait for their answer.
    pub(super) questions: Questions,
    /// Names of QUIC connections by id.
    pub(super) connections: Connections,
    /// Names that stand for others in a ClientHello.
    pub(super) covers: Covers,
    limits: [u64; Limit::ALL.len()],
}

impl Thread {
    pub(super) fn new(config: &InspectConfig) -> Self {
        Self {
            max_stream: config.max_stream_bytes,
            questions: Questions::new(config.max_dns_questions, config.dns_timeout.0),
            connections: Connections::default(),
            covers: Covers::new(),
            limits: [0; Limit::ALL.len()],
        }
    }

    /// Counts a limit that was hit.
    pub(super) fn hit(&mut self, limit: Limit) {
        for (count, (each, _)) in self.limits.iter_mut().zip(Limit::ALL) {
            *count += u64::from(each == limit);
        }
    }

    /// Forgets what nobody came back to in time.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.questions.expire(now);
    }

    /// Limits that were hit, by name.
    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let own = self.limits.iter().zip(Limit::ALL).map(|(count, (_, name))| (name, *count));
        let tables = [
            ("quic_connections_forgotten", self.connections.forgotten()),
            ("ech_names_refused", self.covers.refused()),
        ];
        own.chain(tables)
            .chain(self.questions.counters())
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}
