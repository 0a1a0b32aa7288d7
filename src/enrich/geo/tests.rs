//! Databases in the schemas of all known vendors, made here, and hostile bytes.

use std::net::IpAddr;

use ipnet::IpNet;
use mmdb_writer::{Value, Writer};
use proptest::prelude::*;

use super::*;

/// A database of one type with the given records.
fn mmdb(kind: &str, description: &[(&str, &str)], records: &[(&str, Value)]) -> Vec<u8> {
    let epoch = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_780_000_000);
    let mut writer = Writer::builder(kind).description(description).build_epoch(epoch).build();
    for (network, value) in records {
        writer.insert_value(network.parse::<IpNet>().unwrap(), value.clone()).unwrap();
    }
    writer.to_bytes().unwrap()
}

fn iso(code: &str) -> Value {
    Value::map([("iso_code", code)])
}

fn open(kind: &str, record: Value) -> Database {
    let bytes = mmdb(kind, &[("en", "test")], &[("9.0.0.0/8", record)]);
    Database::checked("admin", bytes, &mut Vec::new()).unwrap()
}

fn ask(database: &Database) -> Answer {
    database.answer("9.9.9.9".parse().unwrap())
}

#[test]
fn each_vendors_country_is_read() {
    for (kind, record, family) in [
        (
            "GeoLite2-Country",
            Value::map([("country", iso("DE")), ("registered_country", iso("US"))]),
            "maxmind",
        ),
        ("DBIP-Country-Lite", Value::map([("country", iso("DE"))]), "dbip"),
        ("IP2LITE-Country ip2location", Value::map([("country", iso("DE"))]), "ip2location"),
        (
            "ipinfo lite.mmdb",
            Value::map([
                ("country_code", "DE"),
                ("country", "Germany"),
                ("asn", "AS7"),
                ("as_name", "Seven"),
            ]),
            "ipinfo",
        ),
        ("ipinfo country_asn.mmdb", Value::map([("country", "DE"), ("country_name", "Germany")]), "ipinfo"),
        ("iplocate-ip-to-country", Value::map([("country_code", "DE")]), "iplocate"),
        ("sapics", Value::map([("country_code", "DE")]), "other"),
    ] {
        let answer = ask(&open(kind, record));
        assert_eq!(answer.places.len(), 1, "{kind}: {answer:?}");
        assert_eq!((answer.places[0].country.as_str(), answer.places[0].family), ("DE", family), "{kind}");
        assert_eq!(&*answer.places[0].date, "2026-05-28", "{kind}");
    }
}

#[test]
fn each_vendors_as_is_read_as_number_or_text() {
    let traits = Value::map([
        ("autonomous_system_number", Value::from(7_u32)),
        ("autonomous_system_organization", Value::from("Seven")),
    ]);
    for (kind, record) in [
        ("GeoLite2-ASN", traits.clone()),
        ("GeoIP2-Enterprise", Value::map([("traits", traits.clone()), ("country", iso("DE"))])),
        ("ipinfo", Value::map([("asn", "AS7"), ("as_name", "Seven")])),
        ("iplocate-asn", Value::map([("asn", Value::from(7_u64)), ("name", Value::from("Seven"))])),
        ("iplocate-asn", Value::map([("asn", "7"), ("org", "Seven")])),
    ] {
        let answer = ask(&open(kind, record));
        assert_eq!((answer.asn, answer.as_name.as_deref()), (Some(7), Some("Seven")), "{kind}: {answer:?}");
    }
}

#[test]
fn a_flat_country_in_an_as_file_is_where_the_as_is_registered() {
    let answer = ask(&open("iplocate-ip-to-asn", Value::map([("asn", "7"), ("country_code", "CN")])));
    assert!(answer.places.is_empty());
    assert_eq!(answer.as_country.unwrap().0.as_str(), "CN");
}

#[test]
fn values_of_odd_types_and_codes_that_name_no_country_are_passed_over() {
    let odd = Value::map([
        ("country", Value::array(["DE"])),
        ("country_code", Value::from("EU")),
        ("is_anycast", Value::from("yes")),
        ("autonomous_system_number", Value::from(-3_i32)),
        ("asn", Value::from(u128::MAX)),
        ("as_country", Value::from("CN")),
        ("traits", Value::from(1.5_f64)),
        ("name", Value::map([("en", Value::map([("x", "y")]))])),
    ]);
    let answer = ask(&open("odd", odd));
    assert!(answer.places.is_empty() && answer.asn.is_none() && !answer.anycast, "{answer:?}");
}

#[test]
fn names_from_a_file_are_made_safe_to_print() {
    let record = Value::map([("asn", "AS7"), ("as_name", "Se\u{1b}[31mven\u{202e}")]);
    assert_eq!(ask(&open("ipinfo", record)).as_name.as_deref(), Some("Se?[31mven?"));
}

#[test]
fn a_file_without_description_is_taken_with_a_warning_and_a_foreign_one_is_refused() {
    let mut warnings = Vec::new();
    let record = Value::map([("country_code", "DE")]);
    let bytes = mmdb("sapics", &[], &[("9.0.0.0/8", record)]);
    Database::checked("x", bytes, &mut warnings).unwrap();
    assert_eq!(warnings.len(), 1);
    let foreign = mmdb("Weather", &[("en", "w")], &[("9.0.0.0/8", Value::map([("rain", "much")]))]);
    let reason = Database::checked("x", foreign, &mut warnings).unwrap_err();
    assert!(reason.contains("Weather"), "{reason}");
    assert!(Database::checked("x", b"not an mmdb".to_vec(), &mut warnings).unwrap_err().contains("no MMDB"));
}

#[test]
fn a_file_over_the_cap_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.mmdb");
    let bytes =
        mmdb("GeoLite2-Country", &[("en", "t")], &[("9.0.0.0/8", Value::map([("country", iso("DE"))]))]);
    std::fs::write(&path, &bytes).unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    let error = Database::open(&path, size - 1, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("big.mmdb") && error.contains("max-database-size"), "{error}");
    let database = Database::open(&path, size, &mut Vec::new()).unwrap();
    assert_eq!(&*database.build().name, "big");
    assert_eq!(database.kind(), "GeoLite2-Country");
}

#[test]
fn the_admins_file_goes_before_the_embedded_one_and_both_are_claimed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.mmdb");
    std::fs::write(
        &path,
        mmdb("GeoLite2-Country", &[("en", "t")], &[("5.9.0.0/16", Value::map([("country", iso("FR"))]))]),
    )
    .unwrap();
    let config = EnrichConfig { databases: vec![path], ..EnrichConfig::default() };
    let enricher = crate::enrich::Enricher::load(&config).unwrap();
    let server = enricher.remote("5.9.0.1".parse().unwrap()).roles.server;
    assert_eq!(server.country.unwrap().as_str(), "FR");
    assert_eq!(server.certainty, crate::model::Certainty::Disputed);
    let sources: Vec<&str> = server.claims.iter().map(|c| &*c.source).collect();
    assert_eq!(sources, ["mine", "dbip", "ipfire"]);
}

#[test]
fn two_files_of_one_vendor_count_as_one_source() {
    let old =
        mmdb("DBIP-Country-Lite", &[("en", "t")], &[("9.0.0.0/8", Value::map([("country", iso("FR"))]))]);
    let new =
        mmdb("DBIP-Country-Lite", &[("en", "t")], &[("9.0.0.0/8", Value::map([("country", iso("DE"))]))]);
    let databases = [new, old].map(|b| Arc::new(Database::checked("d", b, &mut Vec::new()).unwrap()));
    let config = EnrichConfig::default();
    let set = Arc::new(GeoSet::of(databases.into()));
    let enricher = crate::enrich::Enricher::new(&config, set, crate::enrich::OperatorTable::default());
    let server = enricher.remote("9.9.9.9".parse().unwrap()).roles.server;
    assert_eq!((server.country.unwrap().as_str(), server.certainty), ("DE", crate::model::Certainty::Medium));
    assert_eq!(server.claims.len(), 2, "both are shown");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_bytes_never_panic(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
        asked in any::<[u8; 16]>(),
    ) {
        let record = Value::map([("country", iso("DE")), ("asn", Value::from("AS7")), ("traits", Value::map([("is_anycast", true)]))]);
        let mut bytes = mmdb("GeoLite2-Country", &[("en", "t")], &[("9.0.0.0/8", record.clone()), ("2a00::/16", record)]);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let addresses = [IpAddr::from([9, 9, 9, 9]), IpAddr::from([0x2a00, 0, 0, 0, 0, 0, 0, 1]), IpAddr::from(asked)];
        // Whether it is refused or not; a file that slips through `verify` is asked too.
        let _ = Database::checked("x", bytes.clone(), &mut Vec::new());
        if let Ok(database) = Database::trusted("x", bytes) {
            for addr in addresses {
                let _ = database.answer(addr);
            }
        }
    }
}
