//! What is taken and what is refused, and that a refusal leaves everything as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use ipnet::IpNet;
use mmdb_writer::{Value, Writer};

use super::*;
use crate::model::Timestamp;

const DAY: u64 = 86_400;
/// 2026-05-28.
const BUILT: u64 = 1_780_000_000;

fn country(code: &str) -> Value {
    Value::map([("country", Value::map([("iso_code", code)]))])
}

fn network() -> Value {
    Value::map([
        ("autonomous_system_number", Value::from(7_u32)),
        ("autonomous_system_organization", Value::from("Seven")),
    ])
}

/// A database that knows the probes' 8.8.8.8, and `more` other networks.
fn mmdb(record: &Value, built: u64, more: u32) -> Vec<u8> {
    let mut writer = Writer::builder("Test")
        .description(&[("en", "test")])
        .build_epoch(UNIX_EPOCH + Duration::from_secs(built))
        .build();
    writer.insert_value("8.8.8.0/24".parse::<IpNet>().unwrap(), record.clone()).unwrap();
    for number in 0..more {
        let [_, b, c, d] = (number << 4).to_be_bytes();
        let text = format!("21.{b}.{c}.{d}/28");
        let value = if number % 2 == 0 { country("DE") } else { country("FR") };
        writer.insert_value(text.parse::<IpNet>().unwrap(), value).unwrap();
    }
    writer.to_bytes().unwrap()
}

struct Folder {
    _keep: tempfile::TempDir,
    fetched: PathBuf,
    target: PathBuf,
}

impl Folder {
    fn new(fetched: &[u8], there: Option<&[u8]>) -> Self {
        let keep = tempfile::tempdir().unwrap();
        let (new, target) = (keep.path().join("new"), keep.path().join("db.mmdb"));
        fs::write(&new, fetched).unwrap();
        if let Some(there) = there {
            fs::write(&target, there).unwrap();
        }
        Self { _keep: keep, fetched: new, target }
    }

    fn examine(&self, source: Source, force: bool) -> Result<Examined, UpdateError> {
        let now = Timestamp::from_parts(i64::try_from(BUILT + 30 * DAY).unwrap(), 0);
        examine(&self.fetched, &self.target, &Rules { source, now, max_size: 1 << 20, force })
    }
}

fn refused(new: &[u8], there: Option<&[u8]>, source: Source) -> UpdateError {
    let folder = Folder::new(new, there);
    let error = folder.examine(source, false).unwrap_err();
    assert_eq!(fs::read(&folder.target).ok().as_deref(), there, "untouched");
    error
}

#[test]
fn a_newer_one_takes_the_place_and_the_old_one_is_kept() {
    let (old, new) = (mmdb(&country("US"), BUILT, 0), mmdb(&country("CA"), BUILT + DAY, 0));
    let folder = Folder::new(&new, Some(&old));
    let examined = folder.examine(Source::DbipCountry, false).unwrap();
    assert_eq!((&*examined.build, examined.before.as_deref()), ("2026-05-29", Some("2026-05-28")));
    assert!(!examined.same);
    install(&folder.fetched, &folder.target).unwrap();
    assert_eq!(fs::read(&folder.target).unwrap(), new);
    let kept = folder.target.with_file_name("db.mmdb.old");
    assert_eq!(fs::read(&kept).unwrap(), old);
    assert!(!folder.fetched.exists());
    // And once more: the one before falls away.
    fs::write(&folder.fetched, &old).unwrap();
    install(&folder.fetched, &folder.target).unwrap();
    assert_eq!((fs::read(&folder.target).unwrap(), fs::read(&kept).unwrap()), (old, new));
}

/// What goes at `days` after [`BUILT`] in a folder with these files; each is named and built.
fn destroyed(files: &[(&str, Vec<u8>)], days: u64) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let now = Timestamp::from_parts(i64::try_from(BUILT + days * DAY).unwrap(), 0);
    let gone = destroy_outdated(folder.path(), now, 1 << 20);
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let gone = gone.into_iter().map(|one| name(&one.unwrap().path)).collect();
    let mut left: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|e| name(&e.unwrap().path())).collect();
    left.sort();
    (gone, left)
}

#[test]
fn an_old_version_that_its_licence_binds_goes_29_days_after_the_new_one_was_built() {
    let (country_old, asn_old) = ("GeoLite2-Country.mmdb.old", "GeoLite2-ASN.mmdb.old");
    let file = |name, record: &Value, built| (name, mmdb(record, built, 0));
    let files = [
        file("GeoLite2-Country.mmdb", &country("US"), BUILT),
        file(country_old, &country("US"), BUILT - 200 * DAY),
        file("GeoLite2-ASN.mmdb", &network(), BUILT + DAY),
        file(asn_old, &network(), BUILT),
        file("dbip-country-lite.mmdb", &country("US"), BUILT - 300 * DAY),
        file("dbip-country-lite.mmdb.old", &country("US"), BUILT - 400 * DAY),
    ];
    assert_eq!(destroyed(&files, 28).0, Vec::<String>::new());
    let (gone, left) = destroyed(&files, 29);
    assert_eq!(gone, [country_old]);
    assert!(left.len() == 5 && !left.contains(&country_old.to_owned()), "{left:?}");
    assert_eq!(destroyed(&files, 30).0, [country_old, asn_old]);
}

#[test]
fn without_a_newer_one_that_can_be_read_its_own_date_counts() {
    let old = || ("GeoLite2-City.mmdb.old", mmdb(&country("US"), BUILT, 0));
    let broken = ("GeoLite2-City.mmdb", b"<html>".to_vec());
    assert!(destroyed(&[old(), broken.clone()], 28).0.is_empty(), "it may be wanted back");
    assert_eq!(destroyed(&[old(), broken], 29).0, ["GeoLite2-City.mmdb.old"]);
    assert_eq!(destroyed(&[old()], 29).0, ["GeoLite2-City.mmdb.old"]);
    assert_eq!(destroyed(&[("GeoLite2-City.mmdb.old", b"no".to_vec())], 0).0, ["GeoLite2-City.mmdb.old"]);
}

#[test]
fn the_same_file_is_known_as_the_same() {
    let bytes = mmdb(&country("US"), BUILT, 0);
    let folder = Folder::new(&bytes, Some(&bytes));
    assert!(folder.examine(Source::DbipCountry, false).unwrap().same);
}

#[test]
fn what_is_unsound_older_shrunk_or_of_another_kind_is_refused() {
    let old = mmdb(&country("US"), BUILT, 0);
    let page = b"<html>please log in</html>";
    assert!(matches!(refused(page, Some(&old), Source::DbipCountry), UpdateError::Unsound(_)));
    let mut cut = mmdb(&country("CA"), BUILT + DAY, 300);
    cut.truncate(cut.len() / 2);
    assert!(matches!(refused(&cut, Some(&old), Source::DbipCountry), UpdateError::Unsound(_)));
    let older = mmdb(&country("CA"), BUILT - DAY, 0);
    assert!(matches!(refused(&older, Some(&old), Source::DbipCountry), UpdateError::Older { .. }));
    let large = mmdb(&country("US"), BUILT, 400);
    let small = mmdb(&country("CA"), BUILT + DAY, 20);
    assert!(matches!(refused(&small, Some(&large), Source::DbipCountry), UpdateError::Shrunk { .. }));
    let asn = mmdb(&network(), BUILT + DAY, 0);
    let error = refused(&asn, Some(&old), Source::DbipCountry);
    assert!(matches!(error, UpdateError::WrongKind { missing: "country", .. }), "{error}");
    let error = refused(&old, None, Source::DbipAsn);
    assert!(matches!(error, UpdateError::WrongKind { missing: "AS number", .. }), "{error}");
    for built in [BUILT + 40 * DAY, 1000] {
        let odd = mmdb(&country("CA"), built, 0);
        assert!(matches!(refused(&odd, None, Source::DbipCountry), UpdateError::Date { .. }), "{built}");
    }
}

#[test]
fn force_takes_an_older_or_smaller_one_but_never_an_unsound_one() {
    let (old, older) = (mmdb(&country("US"), BUILT, 400), mmdb(&country("CA"), BUILT - DAY, 0));
    let folder = Folder::new(&older, Some(&old));
    assert_eq!(folder.examine(Source::DbipCountry, true).unwrap().build, "2026-05-27");
    let folder = Folder::new(b"nothing", Some(&old));
    assert!(matches!(folder.examine(Source::DbipCountry, true), Err(UpdateError::Unsound(_))));
}

#[test]
fn a_broken_file_in_use_is_replaced_by_a_sound_one() {
    let new = mmdb(&country("CA"), BUILT, 0);
    let folder = Folder::new(&new, Some(b"broken"));
    assert_eq!(folder.examine(Source::DbipCountry, false).unwrap().before, None);
}

#[test]
fn a_note_of_origin_counts_only_for_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let target: &Path = &folder.path().join("x.mmdb");
    let origin = Origin {
        source: Source::DbipAsn,
        url: "https://example.org/x".into(),
        fetched: "2026-05-28T00:00:00Z".into(),
        sha256: crate::enrich::digest::sha256_hex(b"of this file"),
        etag: Some("\"1\"".into()),
        last_modified: None,
    };
    fs::write(target, "of this file").unwrap();
    keep_origin(target, &origin).unwrap();
    assert_eq!(kept_origin(target), Some(origin));
    fs::write(target, "of another").unwrap();
    assert_eq!(kept_origin(target), None);
    fs::write(target, "of this file").unwrap();
    fs::write(folder.path().join("x.mmdb.origin.json"), "{").unwrap();
    assert_eq!(kept_origin(target), None);
}
