//! Newer databases: where they come from ([`Source`]), what they must be to be taken ([`examine`]), and how one takes another's
//! place ([`install()`]) so that at every moment there is a whole file. And what may not be kept ([`destroy_outdated`]).
//!
//! It speaks to no network: `whither geoip update` joins it with `fetch`. It reads no clock.

mod config;
mod install;
mod outdated;
mod source;
#[cfg(test)]
mod tests;
mod unpack;

pub use config::UpdateConfig;
pub use install::{Examined, Origin, Rules, UpdateError, examine, install, keep_origin, kept_origin};
pub use outdated::{Destroyed, destroy_outdated};
pub use source::{Account, Source};
pub use unpack::unpack;
