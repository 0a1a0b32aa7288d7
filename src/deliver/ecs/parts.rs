//! The parts that flow and alert documents share, in ECS's words.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Operator, RemoteContext};

#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Ecs {
    pub(super) version: &'static str,
}

#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Event {
    pub(super) kind: &'static str,
    pub(super) category: Vec<&'static str>,
    #[serde(rename = "type")]
    pub(super) kinds: Vec<&'static str>,
    pub(super) action: &'static str,
    pub(super) start: String,
    pub(super) end: String,
    /// Nanoseconds.
    pub(super) duration: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<u8>,
    pub(super) id: String,
    pub(super) dataset: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    pub(super) name: Arc<str>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Side {
    pub(super) ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) packets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) geo: Option<Geo>,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub(super) autonomous_system: Option<AutonomousSystem>,
}

impl Side {
    /// Adds what is known of the remote's place and network.
    pub(super) fn locate(&mut self, remote: &RemoteContext) {
        self.geo = remote.roles.server.country.map(|c| Geo { country_iso_code: c.to_string() });
        self.autonomous_system = AutonomousSystem::of(&remote.operator);
        self.domain = remote.hostname.as_ref().map(ToString::to_string);
    }
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Geo {
    pub(super) country_iso_code: String,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct AutonomousSystem {
    pub(super) number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<Organization>,
}

impl AutonomousSystem {
    fn of(operator: &Operator) -> Option<Self> {
        let name = operator.as_name.clone().or_else(|| operator.name.clone());
        Some(Self { number: operator.asn?, organization: name.map(|name| Organization { name }) })
    }
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Organization {
    pub(super) name: Arc<str>,
}

/// A MAC address as ECS wants it: upper case, hyphens.
pub(super) fn mac(mac: crate::model::MacAddr) -> Option<String> {
    (!mac.is_zero()).then(|| mac.to_string().to_uppercase().replace(':', "-"))
}
