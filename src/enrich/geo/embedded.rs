//! The database that comes with the program: unpacked once, when first asked for.

use std::sync::{Arc, OnceLock};

use super::Database;
use crate::enrich::EnrichError;

/// See geoip/README.md for what is in it, and under which licences.
static COMPRESSED: &[u8] = include_bytes!("../../../geoip/whither-geo.mmdb.zst");
/// More than the unpacked database has; a cap for the buffer, not a promise.
const MAX_UNPACKED: usize = 64 << 20;
static DATABASE: OnceLock<Result<Arc<Database>, String>> = OnceLock::new();

/// The embedded database.
pub(super) fn database() -> Result<Arc<Database>, EnrichError> {
    let unpack = || {
        let bytes = zstd::bulk::decompress(COMPRESSED, MAX_UNPACKED).map_err(|e| e.to_string())?;
        // Its bytes are part of this program, so `verify` (90 ms) is left to the tests.
        Database::trusted("whither-geo", bytes).map(Arc::new)
    };
    DATABASE
        .get_or_init(unpack)
        .clone()
        .map_err(|reason| EnrichError::Database { name: "embedded whither-geo".to_owned(), reason })
}
