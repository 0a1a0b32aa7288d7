//! The truth table of the judge, every reason it gives, and every mistake of a rule that it names.

use std::sync::Arc;

use super::fixture::*;
use super::*;
use crate::model::fixture::*;
use crate::model::*;

/// Outcome and reasons of the only rule.
fn verdict(rule: Rule, flow: &EnrichedFlow) -> (Outcome, String) {
    let judgement = judge(rule, flow);
    let [verdict] = judgement.verdicts.as_slice() else { panic!("{judgement:?}") };
    assert_eq!(
        judgement.findings.len(),
        usize::from(verdict.outcome == Outcome::Match),
        "only a match is a finding"
    );
    (verdict.outcome, verdict.because.join(" | "))
}

fn with_server(server: RoleAnswer) -> EnrichedFlow {
    let mut flow = flow();
    flow.remote.roles.server = server;
    flow
}

#[test]
fn the_tenant_of_rented_machines_is_judged_beside_the_apps_maker() {
    let mut flow = flow();
    let app = AppRef {
        vendor_country: Some(country("US")),
        ..AppRef::clone(flow.identification.app.as_ref().unwrap())
    };
    flow.identification.app = Some(Arc::new(app));
    assert_eq!(verdict(rule(&[], &["vendor"]), &flow).0, Outcome::NoMatch, "a browser's maker");
    let tenant = |source: Option<&str>, code| Tenant {
        vendor: "Alibaba".into(),
        country: Some(country(code)),
        source: source.map(Into::into),
        name: "taobao.com".into(),
        method: "tls_sni",
    };
    flow.remote.tenant = Some(Arc::new(tenant(Some("annual report 2025"), "CN")));
    let (outcome, because) = verdict(rule(&[], &["vendor"]), &flow);
    assert_eq!(outcome, Outcome::Match);
    assert!(because.contains("Alibaba, whose service the flow called on rented machines (tls_sni `taobao.com`), sits in CN by annual report 2025"), "{because}");
    flow.remote.tenant = Some(Arc::new(tenant(None, "CN")));
    assert_eq!(
        verdict(rule(&[], &["vendor"]), &flow).0,
        Outcome::NoMatch,
        "without a source it accuses nobody"
    );
    flow.remote.tenant = Some(Arc::new(tenant(Some("x"), "US")));
    assert_eq!(verdict(rule(&[], &["vendor"]), &flow).0, Outcome::NoMatch);
}

#[test]
fn a_refuted_source_never_supports_a_match_and_is_named_as_such() {
    let mut server = answer(Certainty::Disputed, &[("dbip", "CN", "2026-10")]);
    Arc::make_mut(&mut server.claims)[0].refuted = true;
    server.note = Some("refuted by round trip: 5.0 ms from CZ allows 500 km, CN is 4000 km away".into());
    let (outcome, because) = verdict(rule(&[], &["server"]), &with_server(server));
    assert_eq!(outcome, Outcome::CannotTell);
    for part in ["dbip 2026-10 says CN (impossible by round trip)", "CN is 4000 km away"] {
        assert!(because.contains(part), "{because}");
    }
}

#[test]
fn a_match_names_app_role_country_sources_and_dates() {
    let (outcome, because) =
        verdict(rule(&["wechat"], &["server", "operator", "owner", "registrant", "vendor"]), &flow());
    assert_eq!(outcome, Outcome::Match);
    assert_eq!(
        because,
        "the app is WeChat (tier B by tls_sni `short.weixin.qq.com`) | \
         the server stands in CN by dbip 2026-10 and ipfire 2026-08 | \
         operator Tencent sits in CN by operators 2026-09 | \
         Tencent Holdings, the operator's owner, sits in CN by operators 2026-09 | \
         the address is registered in CN by rir 2026-11 | \
         Tencent, the maker of WeChat, sits in CN by annual report 2025"
    );
}

#[test]
fn the_answer_of_one_role_in_every_certainty() {
    use Certainty::{Disputed, High, Low, Medium, Unknown};
    use Outcome::{CannotTell, Match, NoMatch};
    let cn = [("dbip", "CN", "2026-10")];
    let sg = [("dbip", "SG", "2026-10")];
    let both = [("dbip", "SG", "2026-10"), ("ipfire", "CN", "2026-08")];
    let neither = [("dbip", "SG", ""), ("ipfire", "HK", "")];
    let cases: [(RoleAnswer, Outcome, &str); 13] = [
        (answer(High, &cn), Match, "the server stands in CN by dbip 2026-10"),
        (answer(Medium, &cn), Match, "the server stands in CN by dbip 2026-10"),
        (answer(High, &sg), NoMatch, "the server stands in SG by dbip 2026-10"),
        (answer(Medium, &sg), NoMatch, "the server stands in SG by dbip 2026-10"),
        (answer(Low, &cn), CannotTell, "the server stands in CN only by dbip 2026-10, which is weak"),
        (answer(Low, &sg), NoMatch, "the server stands in SG by dbip 2026-10 (weak)"),
        (
            answer(Disputed, &both),
            CannotTell,
            "sources dispute where the server stands: dbip 2026-10 says SG, ipfire 2026-08 says CN",
        ),
        (
            answer(Disputed, &neither),
            NoMatch,
            "sources dispute where the server stands, but none names a flagged country: dbip says SG, ipfire says HK",
        ),
        (answer(Disputed, &[]), CannotTell, "no data tells where the server stands"),
        (answer(Unknown, &[]), CannotTell, "no data tells where the server stands"),
        (answer(Unknown, &[("dbip", "", "")]), CannotTell, "no data tells where the server stands"),
        (answer(Unknown, &cn), CannotTell, "where the server stands is not settled: dbip 2026-10 says CN"),
        (
            RoleAnswer { claims: [].into(), ..answer(High, &cn) },
            CannotTell,
            "the server stands in CN, but no source stands behind it",
        ),
    ];
    for (server, outcome, because) in cases {
        let got = verdict(rule(&[], &["server"]), &with_server(server.clone()));
        assert_eq!(got, (outcome, because.to_owned()), "{server:?}");
    }
}

#[test]
fn a_match_beats_cannot_tell_and_that_beats_no_match() {
    use Outcome::{CannotTell, Match, NoMatch};
    let yes = answer(Certainty::High, &[("a", "CN", "")]);
    let maybe = answer(Certainty::Low, &[("a", "CN", "")]);
    let no = answer(Certainty::High, &[("a", "SG", "")]);
    for (server, owner, outcome) in [
        (&yes, &maybe, Match),
        (&maybe, &yes, Match),
        (&no, &yes, Match),
        (&yes, &no, Match),
        (&maybe, &no, CannotTell),
        (&no, &maybe, CannotTell),
        (&no, &no, NoMatch),
    ] {
        let mut flow = with_server(server.clone());
        flow.remote.roles.owner = owner.clone();
        assert_eq!(verdict(rule(&[], &["server", "owner"]), &flow).0, outcome);
    }
}

#[test]
fn the_first_matching_role_of_the_rule_names_the_finding() {
    let judgement = judge(rule(&[], &["owner", "server"]), &flow());
    let finding = &judgement.findings[0];
    assert_eq!((finding.role, finding.country), (Role::Owner, country("CN")));
    assert_eq!((finding.bytes_up, finding.bytes_down), (1000, 2000));
    assert_eq!(finding.at, flow().record.end);
}

#[test]
fn anycast_and_cdn_leave_the_server_open_but_not_the_operator() {
    let mut anycast = flow();
    anycast.remote.anycast = true;
    let (outcome, because) = verdict(rule(&[], &["server"]), &anycast);
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(
        because.starts_with("the address is anycast: the same address answers from several places (dbip"),
        "{because}"
    );
    assert_eq!(verdict(rule(&[], &["server", "operator"]), &anycast).0, Outcome::Match);

    let mut cdn = flow();
    cdn.remote.operator.cdn = true;
    let (outcome, because) = verdict(rule(&[], &["server"]), &cdn);
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(because.starts_with("Tencent is a CDN: which of its sites answered is not known"), "{because}");
    let (outcome, because) = verdict(rule(&[], &["operator"]), &cdn);
    assert_eq!(outcome, Outcome::Match);
    assert!(because.ends_with("it carries the data, which may be a customer's"), "{because}");
}

#[test]
fn what_is_not_on_the_internet_is_never_in_a_country() {
    for (scope, because) in [
        (NetworkScope::Local, "the remote is in the local network"),
        (NetworkScope::Special("multicast"), "the remote is a multicast address, not on the Internet"),
    ] {
        let mut flow = flow();
        flow.remote.scope = scope;
        let got = verdict(rule(&[], &["server", "operator", "vendor"]), &flow);
        assert_eq!(got, (Outcome::NoMatch, because.to_owned()));
    }
}

#[test]
fn a_rule_for_an_app_is_silent_on_other_apps() {
    let mut zoom = flow();
    zoom.identification.app = Some(Arc::new(AppRef { tags: Vec::new(), ..(*app("zoom", "Zoom")).clone() }));
    assert_eq!(judge(rule(&["wechat"], &["server"]), &zoom), Judgement::default());
    let by_tag = Rule { tags: words(&["social"]), ..rule(&[], &["server"]) };
    assert_eq!(judge(by_tag.clone(), &zoom), Judgement::default());
    assert_eq!(verdict(by_tag, &flow()).0, Outcome::Match, "wechat has the tag in the catalogue");
}

#[test]
fn weak_evidence_and_candidates_leave_the_app_open() {
    let mut weak = flow();
    weak.identification.tier = Some(Tier::E);
    let (outcome, because) = verdict(rule(&["wechat"], &["server"]), &weak);
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(because.starts_with("the app may be WeChat: the evidence is weak (tier E)"), "{because}");
    for tier in [Tier::A, Tier::B, Tier::C, Tier::D] {
        weak.identification.tier = Some(tier);
        assert_eq!(verdict(rule(&["wechat"], &["server"]), &weak).0, Outcome::Match, "{tier}");
    }

    let mut several = flow();
    several.identification =
        Identification { candidates: vec!["zoom".into(), "wechat".into()], ..Identification::default() };
    let (outcome, because) = verdict(rule(&["wechat"], &["server"]), &several);
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(because.starts_with("the app may be wechat: one of 2 candidates"), "{because}");
    assert_eq!(judge(rule(&["tiktok"], &["server"]), &several), Judgement::default());
    let sg = answer(Certainty::High, &[("dbip", "SG", "")]);
    several.remote.roles.server = sg;
    assert_eq!(verdict(rule(&["wechat"], &["server"]), &several).0, Outcome::NoMatch);
}

#[test]
fn an_unnamed_flow_is_cannot_tell_only_towards_flagged_countries() {
    use Certainty::{High, Low, Unknown};
    for (server, outcome) in [
        (answer(High, &[("dbip", "CN", "")]), Outcome::CannotTell),
        (answer(Low, &[("dbip", "CN", "")]), Outcome::CannotTell),
        (answer(High, &[("dbip", "SG", "")]), Outcome::NoMatch),
        (answer(Unknown, &[]), Outcome::NoMatch),
    ] {
        let mut flow = with_server(server);
        flow.identification = Identification::default();
        let mut judge = Judge::new(Arc::new(policy(rule(&["wechat"], &["server"]))));
        let verdict = judge.judge(&flow, &mut Owed::default()).verdicts.remove(0);
        assert_eq!(verdict.outcome, outcome);
        assert_eq!(verdict.because[0].as_ref(), "the app is not known");
        let counts = judge.counts();
        let open = u64::from(outcome == Outcome::CannotTell);
        assert_eq!((counts.unnamed_cannot_tell, counts.unnamed_no_match), (open, 1 - open));
    }
    let mut flow = flow();
    flow.identification = Identification::default();
    assert_eq!(verdict(rule(&[], &["server"]), &flow).0, Outcome::Match, "a rule for any app needs no name");
}

#[test]
fn a_name_beside_encrypted_client_hello_needs_a_second_witness() {
    let mut flow = flow();
    flow.record.facts = Arc::new(Facts { ech: Ech::Present, ..Facts::default() });
    let (outcome, because) = verdict(rule(&["wechat"], &["server"]), &flow);
    assert_eq!(outcome, Outcome::CannotTell);
    assert!(because.contains("may be a cover"), "{because}");
    let (outcome, because) = verdict(rule(&["tiktok"], &["server"]), &flow);
    assert_eq!(outcome, Outcome::CannotTell, "behind the cover may be any app");
    assert!(because.starts_with("the app is not known"), "{because}");
    flow.identification.evidence.push(evidence(EvidenceKind::DnsAnswer, "short.weixin.qq.com"));
    assert_eq!(verdict(rule(&["wechat"], &["server"]), &flow).0, Outcome::Match);
    assert_eq!(judge(rule(&["tiktok"], &["server"]), &flow), Judgement::default());
}

#[test]
fn the_makers_seat_needs_a_source_and_a_sure_app() {
    let vendor = |change: &dyn Fn(&mut AppRef)| {
        let mut flow = flow();
        let mut app = (*app("wechat", "WeChat")).clone();
        change(&mut app);
        flow.identification.app = Some(Arc::new(app));
        verdict(rule(&[], &["vendor"]), &flow).0
    };
    assert_eq!(vendor(&|_| ()), Outcome::Match);
    assert_eq!(vendor(&|a| a.vendor_source = None), Outcome::CannotTell);
    assert_eq!(vendor(&|a| a.vendor_country = None), Outcome::CannotTell);
    assert_eq!(vendor(&|a| a.vendor_country = Some(country("US"))), Outcome::NoMatch);
    let mut weak = flow();
    weak.identification.tier = Some(Tier::E);
    assert_eq!(verdict(rule(&[], &["vendor"]), &weak).0, Outcome::CannotTell);
    weak.identification = Identification::default();
    assert_eq!(verdict(rule(&[], &["vendor"]), &weak).0, Outcome::CannotTell);
}

#[test]
fn lack_of_data_and_a_flagged_claim_are_told_apart_by_the_role() {
    let role = |server| judge(rule(&[], &["server"]), &with_server(server)).verdicts[0].role;
    assert_eq!(role(answer(Certainty::Unknown, &[])), None);
    assert_eq!(role(answer(Certainty::Low, &[("dbip", "CN", "")])), Some((Role::Server, country("CN"))));
}

#[test]
fn devices_and_networks_narrow_a_rule() {
    let concerns = |devices: &[&str], networks: &[&str]| {
        let rule = Rule { devices: words(devices), networks: words(networks), ..rule(&[], &["server"]) };
        !judge(rule, &flow()).verdicts.is_empty()
    };
    for device in ["phone", "PHONE", "00:11:22:33:44:AA", "192.168.1.20"] {
        assert!(concerns(&[device], &[]), "{device}");
    }
    assert!(!concerns(&["tv"], &[]));
    assert!(concerns(&[], &["lan"]) && concerns(&[], &["iot", "192.168.0.0/16"]));
    assert!(!concerns(&[], &["iot"]) && !concerns(&[], &["10.0.0.0/8"]) && !concerns(&["phone"], &["iot"]));
}

#[test]
fn groups_and_exceptions_widen_and_narrow_the_countries() {
    let outcome = |listed: &[&str], except: &[&str], code: &str| {
        let rule = Rule {
            jurisdictions: words(listed),
            except_jurisdictions: words(except),
            ..rule(&[], &["server"])
        };
        verdict(rule, &with_server(answer(Certainty::High, &[("dbip", code, "")])))
    };
    assert_eq!(
        outcome(&["eu"], &[], "FR"),
        (Outcome::Match, "the server stands in FR (in eu) by dbip".to_owned())
    );
    assert_eq!(outcome(&["eu", "FR"], &[], "FR").1, "the server stands in FR by dbip");
    assert_eq!(outcome(&["five-eyes"], &["US"], "US").0, Outcome::NoMatch);
    assert_eq!(outcome(&["five-eyes"], &["US"], "GB").0, Outcome::Match);
    assert_eq!(
        outcome(&[], &["eea", "CH"], "BR"),
        (Outcome::Match, "the server stands in BR (not in eea, CH) by dbip".to_owned())
    );
    assert_eq!(outcome(&[], &["eea"], "NO").0, Outcome::NoMatch);
    let unknown =
        Rule { jurisdictions: Vec::new(), except_jurisdictions: words(&["eea"]), ..rule(&[], &["server"]) };
    assert_eq!(
        verdict(unknown, &with_server(answer(Certainty::Unknown, &[]))).0,
        Outcome::CannotTell,
        "a country that is not known is not outside"
    );
}

#[test]
fn a_minimum_holds_the_finding_back_and_then_credits_everything() {
    let rule = Rule {
        min_bytes_up: HumanSize(2500),
        window: HumanDuration::from_secs(600),
        ..rule(&[], &["server"])
    };
    let mut judge = Judge::new(Arc::new(policy(rule)));
    let mut flow = flow();
    for expected in [None, None, Some((3000, 6000)), Some((1000, 2000))] {
        let judgement = judge.judge(&flow, &mut Owed::default());
        let verdict = &judgement.verdicts[0];
        let last = verdict.because.last().unwrap();
        match expected {
            None => {
                assert_eq!(verdict.outcome, Outcome::NoMatch);
                assert!(
                    last.starts_with("the minimum of 2500 bytes up within 10m is not reached: "),
                    "{last}"
                );
                assert!(judgement.findings.is_empty());
            }
            Some(bytes) => {
                assert_eq!(verdict.outcome, Outcome::Match);
                assert_eq!(last.as_ref(), "the minimum of 2500 bytes up within 10m is reached");
                assert_eq!((judgement.findings[0].bytes_up, judgement.findings[0].bytes_down), bytes);
            }
        }
        flow.record.sequence += 1;
        flow.record.end = flow.record.end.plus(std::time::Duration::from_secs(1));
    }
    assert_eq!(judge.counts().below_minimum, 2);
}

#[test]
fn every_mistake_is_named_with_its_key_and_the_nearest_word() {
    let bad = Rule {
        id: "Not An Id".to_owned(),
        severity: "hihg".to_owned(),
        apps: words(&["wehcat"]),
        tags: words(&["socail"]),
        jurisdictions: words(&["cn", "QQ", "EU", "fiveeyes", "@eu", "Atlantis"]),
        roles: words(&["sever"]),
        networks: words(&["10.0.0.0/40"]),
        min_bytes_up: HumanSize(1),
        window: HumanDuration::from_secs(0),
        ..Rule::default()
    };
    let problems = Policy::compile(
        &PolicyConfig { profiles: words(&["named2020"]), rule: vec![bad], ..PolicyConfig::default() },
        &Apps,
    )
    .unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let has = |key: &str, part: &str| {
        let found = text.iter().any(|t| t.starts_with(&format!("`{key}`")) && t.contains(part));
        assert!(found, "{key}: {part}\n{text:#?}");
    };
    has("policy.profiles", "did you mean `named-2020`?");
    has("policy.rule[0].name", "expected a name");
    has("policy.rule[0].id", "`Not An Id` is no id");
    has("policy.rule[0].severity", "did you mean `high`?");
    has("policy.rule[0].apps", "did you mean `wechat`?");
    has("policy.rule[0].tags", "did you mean `social`?");
    has("policy.rule[0].jurisdictions", "did you mean `CN`?");
    has("policy.rule[0].jurisdictions", "`QQ` is neither");
    has("policy.rule[0].jurisdictions", "did you mean `eu`?");
    has("policy.rule[0].jurisdictions", "did you mean `five-eyes`?");
    has("policy.rule[0].jurisdictions", "`Atlantis` is neither");
    has("policy.rule[0].roles", "did you mean `server`?");
    has("policy.rule[0].networks", "no address prefix");
    has("policy.rule[0].window", "out of range");
    assert_eq!(text.len(), 15, "{text:#?}");
}

#[test]
fn rules_that_could_never_match_are_refused() {
    let problems = |rules: Vec<Rule>| {
        let config = PolicyConfig { rule: rules, ..PolicyConfig::default() };
        Policy::compile(&config, &Apps)
            .map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let none = Rule { jurisdictions: Vec::new(), ..rule(&[], &["server"]) };
    assert!(problems(vec![none]).unwrap_err().contains("names no country"));
    let all = Rule { except_jurisdictions: words(&["prc"]), ..rule(&[], &["server"]) };
    assert!(problems(vec![all]).unwrap_err().contains("could never match"));
    assert!(problems(vec![rule(&[], &[])]).unwrap_err().contains("names no role"));
    let twice = problems(vec![rule(&[], &["server"]), rule(&[], &["owner"])]).unwrap_err();
    assert!(twice.contains("`policy.rule[1].id`: a second rule with the id `r`"), "{twice}");
    let many = vec![rule(&[], &["server"]); MAX_RULES + 1];
    assert!(problems(many).unwrap_err().contains("at most 256"));
    let off = problems(vec![Rule { enabled: false, ..rule(&[], &["server"]) }]).unwrap();
    assert!(off.is_empty());
}

#[test]
fn the_default_flags_nothing_and_every_profile_compiles() {
    let default = Policy::compile(&PolicyConfig::default(), &Apps).unwrap();
    assert!(default.is_empty());
    assert_eq!(default, Policy::none());
    assert_eq!(Judge::new(Arc::new(default)).judge(&flow(), &mut Owed::default()), Judgement::default());
    for profile in profiles() {
        let config = profile.config().unwrap();
        let mut problems = Vec::new();
        config.validate(&mut problems);
        assert_eq!(problems, [], "{}", profile.name);
        let policy = Policy::compile(&config, &Apps).unwrap();
        assert_eq!(policy.is_empty(), profile.name == "flag-none", "{}", profile.name);
        assert!(profile.summary().len() > 20, "{}", profile.name);
        let by_name = PolicyConfig { profiles: vec![profile.name.to_owned()], ..PolicyConfig::default() };
        assert_eq!(Policy::compile(&by_name, &Apps).unwrap(), policy);
    }
    assert!(profile("nonsense").is_none());
}

#[test]
fn the_hash_names_what_is_judged_not_how_it_was_written() {
    let hash = |rules: Vec<Rule>| {
        Policy::compile(&PolicyConfig { rule: rules, ..PolicyConfig::default() }, &Apps)
            .unwrap()
            .hash()
            .clone()
    };
    let a = || rule(&["wechat", "tiktok"], &["server"]);
    let b = || Rule { name: "b".to_owned(), ..rule(&[], &["owner"]) };
    assert_eq!(hash(vec![a()]).len(), 64);
    assert_eq!(hash(vec![a(), b()]), hash(vec![b(), a()]));
    assert_eq!(hash(vec![a()]), hash(vec![rule(&["tiktok", "wechat"], &["server"])]));
    let spelt_out = Rule { jurisdictions: words(&["CN", "HK", "MO"]), ..a() };
    assert_eq!(hash(vec![spelt_out]), hash(vec![Rule { jurisdictions: words(&["prc"]), ..a() }]));
    assert_ne!(hash(vec![a()]), hash(vec![Rule { min_bytes_up: HumanSize(1), ..a() }]));
    assert_ne!(hash(vec![a()]), hash(vec![Rule { severity: "high".to_owned(), ..a() }]));
    assert_ne!(hash(vec![a()]), hash(vec![]));
}
