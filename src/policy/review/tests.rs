//! Each finding, by a rule that is planted for it; and a sound policy has none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::model::{HumanDuration, HumanSize};
use crate::policy::fixture::{Apps, words};
use crate::policy::{Exception, Rule, Schedule};

/// Surroundings in which [`sound`] has no finding.
fn around() -> Surroundings<'static> {
    static LOCAL: std::sync::LazyLock<Vec<IpNet>> =
        std::sync::LazyLock::new(|| vec!["192.168.0.0/16".parse().unwrap(), "fc00::/7".parse().unwrap()]);
    let country = |c| CountryCode::parse(c);
    Surroundings {
        apps: &Apps,
        local: &LOCAL,
        networks: BTreeMap::from([
            ("lan".to_owned(), vec!["192.168.1.0/24".parse().unwrap(), "fd00::/64".parse().unwrap()]),
            ("old".to_owned(), vec!["192.168.2.0/24".parse().unwrap()]),
        ]),
        devices: vec![
            KnownDevice { name: "phone".to_owned(), has_mac: true, addresses: Vec::new() },
            KnownDevice {
                name: "tv".to_owned(),
                has_mac: false,
                addresses: vec!["192.168.1.9".parse().unwrap()],
            },
        ],
        databases: vec![SourceBuild { name: "whither-geo".into(), build: "2026-11".into(), sha256: None }],
        operators: vec![
            KnownOperator { name: "Tencent".into(), country: country("CN"), owner_country: country("CN") },
            KnownOperator { name: "Telia".into(), country: country("SE"), owner_country: None },
        ],
        active_timeout: Duration::from_secs(60),
        learning_since: BTreeMap::new(),
        now: Timestamp::from_parts(1_800_000_000, 0),
        today: "2027-01-15".parse().unwrap(),
    }
}

fn sound() -> Rule {
    Rule {
        name: "sound".to_owned(),
        apps: words(&["wechat"]),
        jurisdictions: words(&["CN"]),
        ..Rule::default()
    }
}

fn exception() -> Exception {
    Exception {
        id: "x".to_owned(),
        devices: words(&["phone"]),
        reason: "why".to_owned(),
        owner: "who".to_owned(),
        expires: "2027-06-30".to_owned(),
        ..Exception::default()
    }
}

fn found(
    rules: Vec<Rule>,
    exceptions: Vec<Exception>,
    around: &Surroundings<'_>,
) -> Vec<(&'static str, Level)> {
    let config = PolicyConfig { rule: rules, exception: exceptions, ..PolicyConfig::default() };
    let findings = review(&config, around);
    for finding in &findings {
        assert!(!finding.message.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
    }
    findings.iter().map(|f| (f.id, f.level)).collect()
}

/// The findings of one rule in sound surroundings.
fn of(rule: Rule) -> Vec<(&'static str, Level)> {
    found(vec![rule], Vec::new(), &around())
}

#[test]
fn a_sound_policy_has_no_findings() {
    assert_eq!(of(sound()), []);
    assert_eq!(found(vec![sound()], vec![exception()], &around()), []);
}

#[test]
fn mistakes_are_findings_and_hide_what_would_follow_from_them() {
    use Level::Error;
    let cases: [(Rule, &str); 9] = [
        (Rule { jurisdictions: words(&["QQ"]), ..sound() }, "unknown-country"),
        (Rule { apps: words(&["wehcat"]), ..sound() }, "unknown-app"),
        (Rule { tags: words(&["nobody"]), ..sound() }, "tag-without-members"),
        (Rule { vendors: words(&["Tensent"]), ..sound() }, "unknown-vendor"),
        (Rule { jurisdictions: Vec::new(), ..sound() }, "no-country"),
        (Rule { except_jurisdictions: words(&["prc"]), ..sound() }, "group-empty"),
        (Rule { roles: words(&["sever"]), ..sound() }, "unknown-role"),
        (Rule { names: words(&["mail.*.com"]), ..sound() }, "bad-value"),
        (Rule { first_time: words(&["app-county"]), ..sound() }, "bad-value"),
    ];
    for (rule, id) in cases {
        assert_eq!(of(rule), [(id, Error)]);
    }
    assert_eq!(found(vec![sound(), sound()], Vec::new(), &around()), [("duplicate-id", Error)]);
    let excepted = |e: Exception| found(vec![sound()], vec![e], &around());
    assert_eq!(excepted(Exception { rules: words(&["soud"]), ..exception() }), [("unknown-rule", Error)]);
    assert_eq!(
        excepted(Exception { devices: Vec::new(), ..exception() }),
        [("exception-without-scope", Error)]
    );
    assert_eq!(
        excepted(Exception { reason: String::new(), ..exception() }),
        [("exception-without-reason", Error)]
    );
    assert_eq!(
        excepted(Exception { expires: "soon".into(), ..exception() }),
        [("exception-without-end", Error)]
    );
}

#[test]
fn roles_without_data_silence_a_rule_or_narrow_it() {
    let lone = |roles: &[&str], code: &str| {
        of(Rule { apps: Vec::new(), roles: words(roles), jurisdictions: words(&[code]), ..sound() })
    };
    assert_eq!(lone(&["operator"], "BR"), [("role-without-data", Level::Error)]);
    assert_eq!(lone(&["server", "operator"], "BR"), [("role-without-data", Level::Warning)]);
    assert_eq!(lone(&["operator"], "SE"), []);
    assert_eq!(lone(&["owner"], "SE"), [("role-without-data", Level::Error)]);
    assert_eq!(lone(&["vendor"], "US"), [("role-without-data", Level::Error)]);
    assert_eq!(lone(&["vendor"], "CN"), []);
    let zoom = Rule { apps: words(&["zoom", "wechat"]), roles: words(&["vendor"]), ..sound() };
    assert_eq!(of(zoom), [("app-vendor-unknown", Level::Warning)]);
}

#[test]
fn databases_are_missed_and_grow_old() {
    let none = Surroundings { databases: Vec::new(), ..around() };
    let server = Rule { roles: words(&["server"]), ..sound() };
    assert_eq!(
        found(vec![server], Vec::new(), &none),
        [("role-without-data", Level::Error), ("database-missing", Level::Error)]
    );
    let old = Surroundings { today: "2028-01-15".parse().unwrap(), ..around() };
    assert_eq!(found(vec![sound()], Vec::new(), &old), [("database-old", Level::Warning)]);
    assert_eq!(found(Vec::new(), Vec::new(), &around()), [("no-rules", Level::Warning)]);
}

#[test]
fn devices_and_networks_that_are_nowhere_or_only_half_there() {
    let networks = |list: &[&str]| of(Rule { networks: words(list), ..sound() });
    let devices = |list: &[&str]| of(Rule { devices: words(list), ..sound() });
    assert_eq!(networks(&["lan"]), []);
    assert_eq!(networks(&["iot"]), [("unknown-network", Level::Error)]);
    assert_eq!(networks(&["old"]), [("no-ipv6", Level::Warning)]);
    assert_eq!(networks(&["192.168.3.0/24", "fd00::/64"]), []);
    assert_eq!(networks(&["192.168.3.0/24"]), [("no-ipv6", Level::Warning)]);
    assert_eq!(networks(&["10.0.0.0/8", "fd00::/64"]), [("local-networks-miss", Level::Warning)]);
    assert_eq!(devices(&["phone", "00:11:22:33:44:55"]), []);
    assert_eq!(devices(&["pohne"]), [("unknown-device", Level::Warning)]);
    assert_eq!(devices(&["tv"]), [("no-ipv6", Level::Warning)]);
    assert_eq!(devices(&["fd00::9"]), []);
    assert_eq!(devices(&["2001:db8::9"]), [("local-networks-miss", Level::Warning)]);
    let v4 = Surroundings { local: &around().local[..1], ..around() };
    let old = Rule { networks: words(&["old"]), ..sound() };
    assert_eq!(found(vec![old], Vec::new(), &v4), [], "where there is no IPv6 nothing is missed");
}

#[test]
fn operators_that_no_table_names_are_told() {
    assert_eq!(of(Rule { operators: words(&["tencent", "AS4134"]), ..sound() }), []);
    assert_eq!(of(Rule { operators: words(&["Tencet"]), ..sound() }), [("unknown-operator", Level::Warning)]);
}

#[test]
fn minimums_and_schedules_that_can_never_be_met() {
    let minimum = |up, flows, window| {
        of(Rule {
            min_bytes_up: HumanSize(up),
            min_flows: flows,
            window: HumanDuration::from_secs(window),
            ..sound()
        })
    };
    assert_eq!(minimum(1 << 20, 3, 60), []);
    assert_eq!(minimum(1 << 50, 0, 60), [("minimum-unreachable", Level::Error)]);
    assert_eq!(minimum(0, 1 << 40, 60), [("minimum-unreachable", Level::Error)]);
    assert_eq!(minimum(1, 0, 59), [("window-shorter-than-records", Level::Warning)]);
    let schedule = |from: &str, to: &str| {
        let schedule = Schedule { from: from.into(), to: to.into(), ..Schedule::default() };
        of(Rule { schedule: Some(schedule), ..sound() })
    };
    assert_eq!(schedule("22:00", "06:00"), []);
    assert_eq!(schedule("08:00", "08:00"), [("schedule-never", Level::Error)]);
}

#[test]
fn rules_that_are_off_or_learn_are_noted() {
    assert_eq!(of(Rule { enabled: false, ..sound() }), [("disabled", Level::Note)]);
    let first = || Rule { first_time: words(&["app-country"]), ..sound() };
    assert_eq!(of(first()), [("learning", Level::Note)]);
    let since = |seconds| {
        let began = around().now.minus(Duration::from_secs(seconds));
        let around =
            Surroundings { learning_since: BTreeMap::from([("sound".to_owned(), began)]), ..around() };
        found(vec![first()], Vec::new(), &around)
    };
    assert_eq!(since(6 * 86_400), [("learning", Level::Note)]);
    assert_eq!(since(7 * 86_400), []);
}

#[test]
fn a_rule_inside_a_wider_one_is_shadowed() {
    let other = |change: &dyn Fn(&mut Rule)| {
        let mut rule = Rule { id: "other".to_owned(), ..sound() };
        change(&mut rule);
        found(vec![sound(), rule], Vec::new(), &around())
    };
    let shadowed = [("shadowed-by-rule", Level::Warning)];
    assert_eq!(other(&|_| ()), shadowed, "of two equal ones the second");
    assert_eq!(other(&|r| r.roles = words(&["owner"])), shadowed);
    assert_eq!(other(&|r| r.names = words(&["qq.com"])), shadowed);
    assert_eq!(other(&|r| r.min_bytes_up = HumanSize(5)), shadowed);
    assert_eq!(other(&|r| r.apps = Vec::new()), shadowed, "the first one is inside the second");
    assert_eq!(other(&|r| r.severity = "high".into()), shadowed, "the first one adds nothing to it");
    assert_eq!(
        other(&|r| {
            r.severity = "high".into();
            r.min_bytes_up = HumanSize(5);
        }),
        [],
        "a worse case of the same is no shadow"
    );
    assert_eq!(other(&|r| r.jurisdictions = words(&["RU"])).first().map(|f| f.0), Some("role-without-data"));
}

#[test]
fn exceptions_that_swallow_a_rule_or_have_ended_are_told() {
    let excepted = |e: Exception| found(vec![sound()], vec![e], &around());
    let all = || Exception { devices: Vec::new(), rules: words(&["sound"]), ..exception() };
    assert_eq!(excepted(all()), [("shadowed-by-exception", Level::Error)]);
    assert_eq!(excepted(Exception { names: words(&["qq.com"]), ..all() }), []);
    assert_eq!(
        excepted(Exception { countries: words(&["prc"]), ..all() }),
        [("shadowed-by-exception", Level::Error)]
    );
    assert_eq!(
        excepted(Exception { expires: "2027-01-14".into(), ..all() }),
        [("exception-expired", Level::Warning)]
    );
    assert_eq!(
        excepted(Exception { expires: "2027-01-20".into(), ..exception() }),
        [("exception-expires-soon", Level::Note)]
    );
}
