//! Stand-in with the contract's signatures that asks nothing of any flow; the real inspectors replace this file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Progress, Segment};
use crate::model::{DnsObservation, Endpoint, Facts, Protocol, Timestamp};

/// Settings of the inspectors.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct InspectConfig {}

/// What the inspectors keep of one flow.
#[derive(Debug)]
pub struct FlowInspection {}

/// The inspectors.
#[derive(Debug)]
pub struct Inspector {}

impl Inspector {
    /// Builds the inspectors.
    pub fn new(_config: &InspectConfig) -> Self {
        Self {}
    }

    /// Asks whether anything is wanted of a new flow.
    pub fn begin(
        &mut self,
        _protocol: Protocol,
        _source: Endpoint,
        _destination: Endpoint,
    ) -> Option<Box<FlowInspection>> {
        None
    }

    /// Reads one segment.
    pub fn feed(
        &mut self,
        _state: &mut FlowInspection,
        _segment: &Segment<'_>,
        _facts: &mut Facts,
        _dns: &mut Vec<DnsObservation>,
    ) -> Progress {
        Progress::Settled
    }

    /// Lets time pass.
    pub fn advance(&mut self, _now: Timestamp) {}

    /// Counts of limits that were hit.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}
