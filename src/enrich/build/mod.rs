//! `whither geoip build`: makes `whither-geo.mmdb` out of the files that `scripts/geoip-fetch` has fetched.
//!
//! The same inputs give the same bytes: records are made in address order, and the build time written into the file is
//! the date of its newest source, not of the day. Memory: all ranges at once, about 300 MB at its highest. It leaves
//! fetching, checking of checksums and compressing to the script and the command line.

mod csv;
mod geoip_dat;
mod libloc;
mod merge;
mod sources;

use std::path::{Path, PathBuf};

use super::EnrichError;
pub use sources::Source;
pub(super) use sources::embedded as embedded_sources;

/// A folder filled by `scripts/geoip-fetch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInputs {
    /// Holds `GeoIP.dat`, `GeoIPv6.dat`, `location.db`, `iptoasn-country.mmdb`, `asn-country-ipv{4,6}.csv`,
    /// `asn-ipv{4,6}.csv` and `sources.toml`.
    pub folder: PathBuf,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildReport {
    /// Size of the database in bytes.
    pub bytes: u64,
    /// SHA-256 of the database, hex.
    pub sha256: String,
    /// Address ranges written, IPv4.
    pub ranges_v4: u64,
    /// Address ranges written, IPv6.
    pub ranges_v6: u64,
    /// AS numbers seen in the data.
    pub autonomous_systems: u64,
    /// Of those, how many have a name.
    pub named: u64,
    /// Of those, how many have a registration country.
    pub placed: u64,
    /// Date of the newest source (ISO 8601), the file's build time.
    pub date: String,
    /// The sources, as pinned.
    pub sources: Vec<Source>,
}

/// Builds the database from `inputs` into the file `out` (replaced whole, by a rename).
///
/// # Errors
/// [`EnrichError::Io`] and [`EnrichError::Input`] name the file that is missing or not what it should be.
pub fn build(inputs: &BuildInputs, out: &Path) -> Result<BuildReport, EnrichError> {
    let (bytes, report) = build_bytes(inputs)?;
    let write = |error| EnrichError::Io { action: "write", path: out.to_owned(), error };
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, &bytes).map_err(write)?;
    std::fs::rename(&part, out).map_err(write)?;
    Ok(report)
}

/// The database's bytes and what is in it.
fn build_bytes(inputs: &BuildInputs) -> Result<(Vec<u8>, BuildReport), EnrichError> {
    let sources = sources::read(&inputs.folder.join("sources.toml"))?;
    let (ipfire_v4, ipfire_v6, names) = {
        let location = Input::read(inputs, "location.db")?;
        libloc::read(&location.bytes).map_err(|reason| location.error(reason))?
    };
    let mut names = names;
    for file in ["asn-ipv4.csv", "asn-ipv6.csv"] {
        let input = Input::read(inputs, file)?;
        csv::fill_names(&input.bytes, &mut names).map_err(|reason| input.error(reason))?;
    }
    let dat = |file, bits| {
        let input = Input::read(inputs, file)?;
        geoip_dat::read(&input.bytes, bits).map_err(|reason| input.error(reason))
    };
    let rir = |file| {
        let input = Input::read(inputs, file)?;
        csv::country_ranges(&input.bytes).map_err(|reason| input.error(reason))
    };
    let (iptoasn_v4, iptoasn_v6) = {
        let input = Input::read(inputs, "iptoasn-country.mmdb")?;
        let path = input.path.clone();
        merge::read_country_mmdb(input.bytes).map_err(|reason| EnrichError::Input { path, reason })?
    };
    let v4 = merge::Layers {
        dbip: dat("GeoIP.dat", 32)?,
        ipfire: ipfire_v4,
        rir: rir("asn-country-ipv4.csv")?,
        iptoasn: iptoasn_v4,
    };
    let v6 = merge::Layers {
        dbip: dat("GeoIPv6.dat", 128)?,
        ipfire: ipfire_v6,
        rir: rir("asn-country-ipv6.csv")?,
        iptoasn: iptoasn_v6,
    };
    merge::write(&v4, &v6, &names, sources)
}

/// One input file, whole.
struct Input {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Input {
    fn read(inputs: &BuildInputs, file: &str) -> Result<Self, EnrichError> {
        let path = inputs.folder.join(file);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(error) => Err(EnrichError::Io { action: "read", path, error }),
        }
    }

    fn error(&self, reason: String) -> EnrichError {
        EnrichError::Input { path: self.path.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_database_is_what_its_pinned_sources_give() {
        let Some(folder) = std::env::var_os("WHITHER_GEOIP_INPUTS") else {
            println!("skipped: set WHITHER_GEOIP_INPUTS to a folder filled by scripts/geoip-fetch");
            return;
        };
        let inputs = BuildInputs { folder: folder.into() };
        let (bytes, report) = build_bytes(&inputs).unwrap();
        let shipped = include_bytes!("../../../geoip/whither-geo.mmdb.zst");
        println!("{report:#?}");
        assert!(
            zstd::bulk::decompress(shipped, 64 << 20).unwrap() == bytes,
            "rebuild geoip/whither-geo.mmdb.zst"
        );
    }

    #[test]
    fn a_missing_input_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            build(&BuildInputs { folder: folder.path().into() }, &folder.path().join("x")).unwrap_err();
        assert!(error.to_string().contains("sources.toml"), "{error}");
    }
}
