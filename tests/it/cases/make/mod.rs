//! The captures of the golden cases: one function for each, which gives the case's files.

pub(super) mod files;
pub(super) mod names;
pub(super) mod neighbours;
pub(super) mod places;
pub(super) mod rules;
pub(super) mod wires;

use crate::builder::dns::Answer;
use crate::builder::file;
use crate::builder::net::{Host, local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::visit;

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
    /// Stands in China, at China Telecom.
    pub(super) const SHANGHAI: &str = "101.226.90.1";
    /// Stands in China; the operator is Tencent.
    pub(super) const TENCENT6: &str = "2402:4e00::1";
    /// Stands in Germany; the operator is Tencent, of China.
    pub(super) const TENCENT_IN_FRANKFURT: &str = "162.62.52.1";
    /// Tencent's: one source says Singapore, the other China.
    pub(super) const TENCENT_DISPUTED: &str = "203.205.147.171";
    /// Stands in Singapore, operator TikTok Pte. of Singapore, owner ByteDance of China.
    pub(super) const TIKTOK_SINGAPORE: &str = "103.136.220.1";
    /// Stands in the US, operator Bytedance Inc. of the US; ByteDance's until January 2026, disputed since.
    pub(super) const BYTEDANCE_US: &str = "71.18.1.1";
    /// Anycast of Akamai, of the US: where the machine stands cannot be told.
    pub(super) const AKAMAI: &str = "23.215.1.1";
    /// Anycast of Cloudflare, of the US.
    pub(super) const CLOUDFLARE: &str = "104.16.1.1";
    /// Stands in the US, and so does its operator Google.
    pub(super) const GOOGLE: &str = "142.250.185.78";
    /// Stands in Russia, as do its operator VK and its owner.
    pub(super) const VK: &str = "87.240.129.1";
    /// Stands in the Netherlands, at RIPE NCC.
    pub(super) const RIPE: &str = "193.0.6.139";
}

/// A visit of the phone to an HTTPS server, after asking for its address.
fn browse(scene: &mut Scene, name: &str, ip: &'static str, port: u16, bytes: (usize, usize)) {
    scene.resolve(phone(), resolver(), name, &[Answer::Address(ip)]);
    visit(scene, (phone(), port), (remote(ip), 443), name, bytes);
}

/// The same without a question: nothing but the hello names the server.
fn call(scene: &mut Scene, name: &str, ip: &str, port: u16, bytes: (usize, usize)) {
    visit(scene, (phone(), port), (remote(ip), 443), name, bytes);
}
