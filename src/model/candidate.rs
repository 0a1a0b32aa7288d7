//! A name under which a client may have reached an address: one DNS answer, still remembered.

use super::{HostName, LookupVia, Timestamp};
use serde::{Deserialize, Serialize};
/// One candidate name of one address for one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCandidate {
    /// What the client asked for.
    pub name: HostName,
    /// Names that the question led to (CNAME chain), in order.
    pub aliases: Vec<HostName>,
    /// When the answer was seen.
    pub at: Timestamp,
    /// Its time to live in seconds.
    pub ttl: u32,
    /// By which kind of lookup.
    pub via: LookupVia,
}
