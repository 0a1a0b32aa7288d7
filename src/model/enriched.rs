//! A flow record with everything concluded from it, and what the conclusions rest on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Alert, DeviceContext, Endpoint, FlowId, FlowRecord, Identification, RemoteContext, Verdict};

/// One data file that conclusions rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceBuild {
    /// Short name (`whither-geo`, `operators`, an admin's file).
    pub name: Arc<str>,
    /// Its date (ISO 8601) or version.
    pub build: Arc<str>,
    /// SHA-256 of its bytes, hex, where taken.
    pub sha256: Option<Arc<str>>,
}

/// What a result rests on besides the traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// This program's version.
    pub version: Arc<str>,
    /// The catalogue's version (hash of its facts).
    pub catalogue: Arc<str>,
    /// SHA-256 of the policy in force, hex.
    pub policy: Arc<str>,
    /// Databases.
    pub databases: Vec<SourceBuild>,
}

/// What stands for a device beyond a gateway that translates addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// The device's own address and port.
    pub inner: Endpoint,
    /// What stands for it outside.
    pub outer: Endpoint,
    /// Tracking zone; 0 where none is used.
    pub zone: u16,
    /// The mark that the gateway's rules gave the connection.
    pub mark: u32,
}

/// One record, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrichedFlow {
    /// What was seen.
    pub record: FlowRecord,
    /// Which application.
    pub identification: Identification,
    /// The local end.
    pub device: DeviceContext,
    /// The other end.
    pub remote: RemoteContext,
    /// Whether the device is the record's source (it began the flow).
    pub device_is_source: bool,
    /// How the kernel translated it, where that is known: the device is behind that.
    #[serde(default)]
    pub translation: Option<Translation>,
    /// It is another view of this flow, on the other side of a gateway: it counts in no total.
    #[serde(default)]
    pub duplicate_of: Option<FlowId>,
    /// What the rules say; rules that do not concern the flow are left out.
    pub verdicts: Vec<Verdict>,
    /// What the conclusions rest on.
    pub provenance: Arc<Provenance>,
}

impl EnrichedFlow {
    /// Whether it is a canary's: nobody sent it.
    pub fn is_canary(&self) -> bool {
        self.verdicts.iter().any(|v| &*v.rule == Alert::CANARY_RULE)
    }

    /// Octets device → remote in this record.
    pub fn bytes_up(&self) -> u64 {
        if self.device_is_source { self.record.forward.octets } else { self.record.reverse.octets }
    }

    /// Octets remote → device in this record.
    pub fn bytes_down(&self) -> u64 {
        if self.device_is_source { self.record.reverse.octets } else { self.record.forward.octets }
    }

    /// Octets device → remote in the flow so far.
    pub fn bytes_up_total(&self) -> u64 {
        if self.device_is_source {
            self.record.forward_total.octets
        } else {
            self.record.reverse_total.octets
        }
    }

    /// Octets remote → device in the flow so far.
    pub fn bytes_down_total(&self) -> u64 {
        if self.device_is_source {
            self.record.reverse_total.octets
        } else {
            self.record.forward_total.octets
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture;

    #[test]
    fn a_judged_flow_comes_back_from_storage_as_it_was() {
        let flow = fixture::flow();
        let text = serde_json::to_vec(&flow).unwrap();
        assert_eq!(serde_json::from_slice::<EnrichedFlow>(&text).unwrap(), flow);
    }
}
