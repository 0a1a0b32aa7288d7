//! The captures of the golden cases: one function for each, which gives the case's files.

pub(super) mod neighbours;
pub(super) mod places;

use crate::builder::file;
use crate::builder::net::{Host, local, remote};
use crate::builder::scene::Scene;

/// A case's files: name and bytes.
pub(super) type Files = Vec<(&'static str, Vec<u8>)>;

/// The case's only file, a pcap.
fn one(scene: &Scene) -> Files {
    vec![("input.pcap", file::pcap(&scene.frames))]
}

/// The phone that every case is about.
fn phone() -> Host {
    local("192.168.1.23")
}

/// The resolver in the house.
fn resolver() -> Host {
    local("192.168.1.1")
}

/// Addresses and what the built-in database says of them. When a database says otherwise one day, they change here.
mod at {
    use super::{Host, remote};

    /// Stands in China, at China Telecom.
    pub(super) fn shanghai() -> Host {
        remote("101.226.90.1")
    }

    /// Stands in Germany; the operator is Tencent, of China.
    pub(super) fn tencent_in_frankfurt() -> Host {
        remote("162.62.52.1")
    }

    /// Anycast of Akamai, of the US: where the machine stands cannot be told.
    pub(super) fn akamai() -> Host {
        remote("23.215.1.1")
    }

    /// Stands in the US, and so does its operator Google.
    pub(super) fn google() -> Host {
        remote("142.250.185.78")
    }
}
