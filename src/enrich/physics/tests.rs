//! Known distances, what refutation does to answers, and its properties on made-up hosts.

use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::fixture::{answer, country, flow};
use crate::model::{Certainty, RegionClaim, Timestamp};

const PRAGUE: Site = Site::Point(50.08, 14.43);

fn raw(site: (f64, f64), code: &str) -> f64 {
    sphere::from_point(site, &outlines::of(country(code)))
}

#[test]
fn every_line_of_the_outlines_is_a_ring_of_a_country() {
    let text = include_str!("../../../geoip/outlines.txt");
    let lines = text.lines().filter(|l| !l.starts_with('#')).count();
    let parsed = outlines::parse(text);
    assert_eq!(parsed.values().map(Vec::len).sum::<usize>(), lines);
    assert!(parsed.len() > 230, "{}", parsed.len());
    for code in ["CN", "RU", "US", "TW", "HK", "SG", "XK", "VA"] {
        assert!(parsed.contains_key(&country(code)), "{code}");
    }
    assert!(outlines::parse("ZZ 1,2\nXX\nCZ a,b\nCZ 1\n").is_empty());
}

/// Great circles from a city to a named place on the nearest border or coast, ± 40 km.
#[test]
fn distances_to_borders_are_those_of_the_map() {
    for (site, code, km) in [
        ((50.08, 14.43), "CZ", 0.0),
        ((50.08, 14.43), "DE", 82.0),
        ((50.08, 14.43), "PL", 110.0),
        ((50.08, 14.43), "RU", 600.0),  // Kaliningrad, the Vistula Spit
        ((50.08, 14.43), "GB", 925.0),  // Kent
        ((51.51, -0.13), "FR", 140.0),  // Strait of Dover
        ((35.68, 139.69), "RU", 965.0), // Cape Povorotny
        ((35.68, 139.69), "KR", 810.0), // Ulleungdo
        ((1.35, 103.82), "SG", 0.0),
        ((1.35, 103.82), "MY", 15.0),
        ((1.35, 103.82), "CN", 1972.0),  // Sanya
        ((-33.92, 18.42), "BR", 5904.0), // Cape São Tomé
        ((64.15, -21.94), "GL", 558.0),  // near Kap Dalton
        ((51.0, -180.0), "RU", 883.0),   // Medny, over the date line
    ] {
        let found = raw(site, code);
        assert!((found - km).abs() <= 40.0, "{site:?} to {code}: {found:.0} km, expected {km}");
    }
}

#[test]
fn a_site_of_a_whole_country_is_as_near_as_its_nearest_border() {
    let from = |home: &str, code: &str| distance_km(Site::Country(country(home)), country(code));
    assert_eq!(from("CZ", "CZ"), 0);
    assert_eq!(from("CZ", "DE"), 0, "neighbours touch");
    assert!((300..480).contains(&from("CZ", "RU")), "{}", from("CZ", "RU"));
    assert!((700..1000).contains(&from("IT", "RU")), "{}", from("IT", "RU"));
    assert_eq!(from("CZ", "RU"), from("RU", "CZ"));
    assert_eq!(from("BR", "FR"), 0, "French Guiana is France");
    assert_eq!(from("CZ", "BV"), 0, "no outline, no bound");
    let nearest_point = distance_km(PRAGUE, country("RU"));
    assert!(from("CZ", "RU") <= nearest_point, "the site may be anywhere in the country");
}

#[test]
fn a_millisecond_allows_a_hundred_kilometres_rounded_up() {
    assert_eq!(bound_km(Duration::from_micros(4700)), 470);
    assert_eq!(bound_km(Duration::from_nanos(1)), 1);
    assert_eq!(bound_km(Duration::MAX), u32::MAX);
}

/// A remote whose sources say this, judged from Prague by a round trip of so many milliseconds.
fn judged(
    certainty: Certainty,
    claims: &[(&str, &str, &str)],
    ms: u64,
    change: impl Fn(&mut RemoteContext),
) -> RemoteContext {
    let mut remote = flow().remote;
    remote.roles.server = answer(certainty, claims);
    change(&mut remote);
    let site = SiteConfig {
        country: None,
        latitude: Degrees::try_from(50.08).ok(),
        longitude: Degrees::try_from(14.43).ok(),
    };
    let mut light = Light::new(Some(&site));
    light.note(&trip(remote.addr, Duration::from_millis(ms)));
    light.judge(0, &mut remote);
    remote
}

fn trip(addr: IpAddr, took: Duration) -> RoundTrip {
    RoundTrip { point: 0, addr, port: 443, quic: false, took, at: Timestamp::EPOCH }
}

#[test]
fn an_impossible_country_is_told_and_disputed() {
    let claims = [("dbip", "CN", "2026-10"), ("ipfire", "CN", "2026-08")];
    let remote = judged(Certainty::High, &claims, 5, |_| {});
    let server = &remote.roles.server;
    assert_eq!((server.country, server.certainty), (Some(country("CN")), Certainty::Disputed));
    assert!(server.claims.iter().all(|c| c.refuted));
    let note = server.note.as_deref().unwrap();
    assert!(
        note.starts_with("refuted by round trip: 5.0 ms from 50.08,14.43 allows 500 km, CN is "),
        "{note}"
    );
    let physics = remote.physics.unwrap();
    assert_eq!((physics.bound_km, physics.refutes(country("CN"))), (500, true));

    let far = judged(Certainty::High, &claims, 150, |_| {});
    assert_eq!((far.roles.server.certainty, far.roles.server.note), (Certainty::High, None));
    assert!(!far.physics.unwrap().refutes(country("CN")));
}

#[test]
fn of_two_disputing_sources_the_possible_one_stands_and_a_weak_one_stays_weak() {
    let sources = |other| [("dbip", "CN", "2026-10"), (other, "DE", "2026-08")];
    let strong = judged(Certainty::Disputed, &sources("maxmind"), 5, |_| {}).roles.server;
    assert_eq!((strong.country, strong.certainty), (Some(country("DE")), Certainty::Medium));
    assert_eq!(strong.claims.iter().map(|c| c.refuted).collect::<Vec<_>>(), [true, false]);
    let weak = judged(Certainty::Disputed, &sources("ipfire"), 5, |_| {}).roles.server;
    assert_eq!((weak.country, weak.certainty), (Some(country("DE")), Certainty::Low));
    let three = [("dbip", "CN", ""), ("a", "DE", ""), ("b", "PL", "")];
    let left = judged(Certainty::Disputed, &three, 5, |_| {}).roles.server;
    assert_eq!((left.country, left.certainty), (Some(country("DE")), Certainty::Disputed));
}

#[test]
fn what_stands_in_many_places_is_only_marked() {
    let claims = [("dbip", "CN", "2026-10"), ("maxmind", "DE", "2026-08")];
    let cdn = judged(Certainty::Disputed, &claims, 5, |remote| remote.operator.cdn = true).roles.server;
    assert_eq!((cdn.certainty, cdn.claims[0].refuted), (Certainty::Disputed, true));
}

#[test]
fn the_place_that_the_vendors_name_claims_is_held_against_the_same_light() {
    let claim = RegionClaim {
        vendor: "tencent".into(),
        name: crate::model::HostName::from_wire(b"sgshort.wechat.com").unwrap(),
        token: "sg".into(),
        place: RegionPlace::Country(country("SG")),
        source: "x".into(),
        confidence: "seen",
    };
    let remote = judged(Certainty::Medium, &[("dbip", "DE", "")], 5, |remote| {
        remote.region_claim = Some(Arc::new(claim.clone()));
    });
    assert!(remote.physics.unwrap().refutes(country("SG")));
    assert_eq!(remote.roles.server.certainty, Certainty::Medium, "a claim is no source");
}

#[test]
fn behind_a_proxy_and_without_a_site_nothing_is_refuted() {
    let mut remote = flow().remote;
    let mut light = Light::new(Some(&"CZ".parse().unwrap()));
    light.note(&trip(remote.addr, Duration::from_micros(200)));
    light.judge(0, &mut remote);
    assert_eq!((&remote.physics, remote.roles.server.certainty), (&None, Certainty::High));
    let mut limits = BTreeMap::new();
    light.limits(&mut limits);
    assert_eq!((limits["round_trips_not_believed"], limits[PROXIED_CLASSES]), (1, 1));
    let mut without = Light::new(None);
    without.note(&trip(remote.addr, Duration::from_millis(1)));
    without.judge(0, &mut remote);
    assert_eq!(remote.physics, None);
}

#[test]
fn a_site_is_a_country_or_a_place_and_nothing_else() {
    for good in ["CZ", "it", "50.1,14.4", " -33.9 , 18.4"] {
        assert!(good.parse::<SiteConfig>().is_ok(), "{good}");
    }
    for bad in ["", "XX", "BV", "Prague", "91,0", "0,181", "1,", "nan,1", "1,2,3"] {
        assert!(bad.parse::<SiteConfig>().is_err(), "{bad}");
    }
    let both = "country = \"CZ\"\nlatitude = 1.0\nlongitude = 1.0";
    assert!(toml::from_str::<SiteConfig>(both).unwrap().site().is_err());
    assert!(toml::from_str::<SiteConfig>("latitude = nan").is_err());
    let site: SiteConfig = toml::from_str("latitude = 50.1\nlongitude = 14").unwrap();
    assert_eq!(toml::from_str::<SiteConfig>(&toml::to_string(&site).unwrap()).unwrap(), site);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A slower answer never refutes more.
    #[test]
    fn a_longer_round_trip_never_refutes_more(lat in -80.0..80.0_f64, lon in -180.0..180.0_f64, near in 0_u64..200_000, more in 0_u64..100_000, at in any::<prop::sample::Index>()) {
        let codes: Vec<CountryCode> = outlines::codes().collect();
        let code = codes[at.index(codes.len())];
        let km = distance_km(Site::Point(lat, lon), code);
        let refuted = |micros| km > bound_km(Duration::from_micros(micros));
        prop_assert!(refuted(near) || !refuted(near + more));
    }

    /// A host that really stands in a country (on its border or anywhere inside) is never refuted by a round trip that
    /// is as long as light in fibre needs, or longer.
    #[test]
    fn the_true_country_is_never_refuted(lat in -85.0..85.0_f64, lon in -180.0..180.0_f64, host_lat in -60.0..72.0_f64, host_lon in -180.0..180.0_f64) {
        let away = sphere::Vector::at(lat, lon).km(sphere::Vector::at(host_lat, host_lon));
        let rtt = Duration::from_secs_f64(away / 100_000.0);
        for code in outlines::codes().filter(|c| raw((host_lat, host_lon), c.as_str()) == 0.0) {
            let km = distance_km(Site::Point(lat, lon), code);
            prop_assert!(km <= bound_km(rtt), "{code}: {km} km, host is {away:.0} km away");
        }
    }
}
