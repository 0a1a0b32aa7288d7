//! What narrows a rule or holds a match back: far end, maker, direction, schedule, exceptions, flows, first times.

use std::sync::Arc;
use std::time::Duration;

use super::fixture::*;
use super::*;
use crate::model::fixture::*;
use crate::model::*;

const DAY: u64 = 86_400;

fn outcome(rule: Rule, flow: &EnrichedFlow) -> Option<(Outcome, String)> {
    let judgement = judge(rule, flow);
    let verdict = judgement.verdicts.first()?;
    assert_eq!(judgement.findings.len(), usize::from(verdict.outcome == Outcome::Match));
    Some((verdict.outcome, verdict.because.join(" | ")))
}

fn china() -> Rule {
    rule(&[], &["server"])
}

fn label(text: &str) -> Label {
    Label::new(text.as_bytes()).unwrap()
}

/// The fixture's flow, begun from outside with nothing but a SYN answered.
fn knocked() -> EnrichedFlow {
    let mut flow = flow();
    flow.device_is_source = false;
    flow.record.tcp = Some(TcpSummary { forward_flags: 2, reverse_flags: 0x12, ..TcpSummary::default() });
    let packet = Counters { packets: 1, octets: 60 };
    for counter in [
        &mut flow.record.forward,
        &mut flow.record.reverse,
        &mut flow.record.forward_total,
        &mut flow.record.reverse_total,
    ] {
        *counter = packet;
    }
    flow
}

#[test]
fn operators_are_met_by_name_or_number_and_unknown_ones_are_left_open() {
    let by = |words_: &[&str]| Rule { operators: words(words_), ..china() };
    for word in ["tencent", "AS45090", "as45090"] {
        let (what, because) = outcome(by(&[word]), &flow()).unwrap();
        assert_eq!(what, Outcome::Match, "{word}");
        assert!(because.starts_with("the operator is Tencent, AS45090 | "), "{because}");
    }
    assert_eq!(outcome(by(&["Alibaba", "AS1"]), &flow()), None, "another operator does not concern the rule");
    let mut unknown = flow();
    (unknown.remote.operator.asn, unknown.remote.operator.name) = (None, None);
    let (what, because) = outcome(by(&["tencent"]), &unknown).unwrap();
    assert_eq!(what, Outcome::CannotTell);
    assert!(because.starts_with("who runs the remote's network is not known"), "{because}");
    unknown.remote.roles.server = answer(Certainty::High, &[("dbip", "SG", "")]);
    assert_eq!(
        outcome(by(&["tencent"]), &unknown).unwrap().0,
        Outcome::NoMatch,
        "only towards flagged countries"
    );
}

#[test]
fn names_are_met_with_all_below_them_and_a_nameless_remote_is_left_open() {
    let by = |name: &str| Rule { names: words(&[name]), ..china() };
    let mut named = flow();
    named.remote.hostname = HostName::from_wire(b"short.weixin.qq.com");
    assert_eq!(outcome(by("qq.com"), &named).unwrap().0, Outcome::Match);
    assert_eq!(outcome(by("short.weixin.qq.com"), &named).unwrap().0, Outcome::Match);
    assert_eq!(outcome(by("q.com"), &named), None);
    let (what, because) = outcome(by("qq.com"), &flow()).unwrap();
    assert_eq!((what, because.starts_with("the remote's name is not known")), (Outcome::CannotTell, true));
    named.record.facts = Arc::new(Facts { ech: Ech::Present, ..Facts::default() });
    assert_eq!(outcome(by("qq.com"), &named).unwrap().0, Outcome::CannotTell, "the name may be a cover");
    assert_eq!(
        outcome(by("example.org"), &named).unwrap().0,
        Outcome::CannotTell,
        "and another stand behind it"
    );
}

#[test]
fn processes_are_met_by_name_package_or_executable() {
    let by = |word: &str| Rule { processes: words(&[word]), ..china() };
    let mut made = flow();
    made.record.origin = Some(Arc::new(ProcessRef {
        name: Some(label("WeChat")),
        package: Some(label("com.tencent.mm")),
        executable: Some(label("/opt/wechat/bin/wechat-x")),
        ..ProcessRef::unknown(OriginSource::Nflog)
    }));
    for word in ["wechat", "com.tencent.mm", "wechat-x", "/opt/wechat/bin/wechat-x"] {
        assert_eq!(outcome(by(word), &made).unwrap().0, Outcome::Match, "{word}");
    }
    assert_eq!(outcome(by("curl"), &made), None);
    assert_eq!(outcome(by("wechat"), &flow()).unwrap().0, Outcome::CannotTell, "no maker is known");
    made.record.origin_conflict = true;
    assert_eq!(outcome(by("wechat"), &made).unwrap().0, Outcome::CannotTell);
    assert_eq!(outcome(by("curl"), &made).unwrap().0, Outcome::CannotTell);
}

#[test]
fn a_vendor_stands_for_all_of_its_apps() {
    let by = |vendor: &str| Rule { vendors: words(&[vendor]), ..china() };
    assert_eq!(outcome(by("tencent"), &flow()).unwrap().0, Outcome::Match);
    assert_eq!(outcome(by("ByteDance"), &flow()), None);
}

#[test]
fn traffic_that_nobody_asked_for_or_answered_is_no_data_going_anywhere() {
    let (what, because) = outcome(china(), &knocked()).unwrap();
    assert_eq!(what, Outcome::NoMatch);
    assert!(because.contains("unsolicited: the remote began it"), "{because}");
    let mut answered = knocked();
    answered.record.tcp = Some(TcpSummary { reverse_flags: 0x1a, ..TcpSummary::default() });
    assert_eq!(outcome(china(), &answered).unwrap().0, Outcome::Match, "the device answered with payload");
    let mut judge = Judge::new(Arc::new(policy(Rule { inbound: true, ..china() })));
    let judgement = judge.judge(&knocked(), &mut Owed::default());
    assert!(judgement.findings[0].inbound, "asked for, it is told, and marked");
    assert!(!judge.judge(&answered, &mut Owed::default()).findings[0].inbound);
    assert_eq!(judge.counts().unsolicited, 0, "what is told is not counted as not told");
    let mut judge = Judge::new(Arc::new(policy(china())));
    judge.judge(&knocked(), &mut Owed::default());
    assert_eq!(judge.limits()["unanswered_not_alerted"], 1);
}

#[test]
fn what_went_before_the_first_payload_counts_in_minimums_and_in_the_finding() {
    let rule = Rule { direction: "up".into(), min_bytes_up: HumanSize(1500), ..china() };
    let mut judge = Judge::new(Arc::new(policy(rule)));
    let mut owed = Owed::default();
    let record = |flags, octets, total| {
        let mut flow = flow();
        flow.record.tcp = Some(TcpSummary { forward_flags: flags, ..TcpSummary::default() });
        flow.record.forward = Counters { packets: 10, octets };
        flow.record.forward_total = Counters { packets: total / 50, octets: total };
        flow
    };
    let shaken = judge.judge(&record(0x12, 600, 600), &mut owed);
    assert_eq!((shaken.findings.len(), shaken.verdicts[0].outcome), (0, Outcome::NoMatch));
    let sent = judge.judge(&record(0x1a, 1000, 1600), &mut owed);
    assert_eq!(sent.findings.iter().map(|f| (f.bytes_up, f.bytes_down)).collect::<Vec<_>>(), [(1600, 4000)]);
    assert!(owed.is_empty(), "and counts only once");
    let more = judge.judge(&record(0x1a, 10, 1610), &mut owed);
    assert_eq!(more.findings[0].bytes_up, 10);
}

#[test]
fn what_a_rule_could_not_tell_counts_in_its_minimum_once_it_can() {
    let rule = Rule { apps: words(&["wechat"]), min_bytes_up: HumanSize(1500), ..china() };
    let mut judge = Judge::new(Arc::new(policy(rule)));
    let (mut owed, mut unnamed) = (Owed::default(), flow());
    unnamed.identification = Identification::default();
    assert_eq!(judge.judge(&unnamed, &mut owed).verdicts[0].outcome, Outcome::CannotTell);
    assert_eq!(judge.judge(&flow(), &mut owed).findings[0].bytes_up, 2000);
}

#[test]
fn another_users_device_is_no_server_of_the_app() {
    let mut call = flow();
    call.record.facts = Arc::new(Facts { peer: true, ..Facts::default() });
    let by = |peers: &str, roles: &[&str]| {
        let mut judge = Judge::new(Arc::new(policy(Rule { peers: peers.into(), ..rule(&[], roles) })));
        let judgement = judge.judge(&call, &mut Owed::default());
        (judgement, judge.counts().peers)
    };
    for role in ["server", "operator", "owner"] {
        let (judgement, held_back) = by("exclude", &[role]);
        let verdict = &judgement.verdicts[0];
        assert_eq!((verdict.outcome, held_back), (Outcome::CannotTell, 1), "{role}");
        assert_eq!(
            verdict.role,
            Some((Role::parse(role).unwrap(), country("CN"))),
            "its country is still told"
        );
        assert!(
            verdict.because[0].ends_with("no server of the app, and the rule excludes peers"),
            "{verdict:?}"
        );
        assert!(judgement.findings.is_empty());
    }
    let (judgement, held_back) = by("include", &["server"]);
    let finding = &judgement.findings[0];
    assert_eq!((finding.peer, held_back), (true, 0));
    assert!(finding.because[0].ends_with("no server of the app"), "{finding:?}");
    assert!(finding.because.iter().any(|w| w.starts_with("the peer is in CN")), "{finding:?}");
    assert!(!finding.because.iter().any(|w| w.contains("server stands")), "{finding:?}");
    let (judgement, held_back) = by("exclude", &["server", "vendor"]);
    assert_eq!((judgement.findings[0].role, held_back), (Role::Vendor, 0), "its maker sits where it sits");
    assert!(judgement.findings[0].because[0].ends_with("no server of the app"), "{judgement:?}");
    assert!(!judge(china(), &flow()).findings[0].peer);
}

#[test]
fn the_side_that_is_asked_for_must_have_sent_payload() {
    let mut quiet = flow();
    quiet.record.tcp = Some(TcpSummary { forward_flags: 0x12, reverse_flags: 0x1a, ..TcpSummary::default() });
    quiet.record.forward_total = Counters { packets: 10, octets: 520 };
    let by = |direction: &str| outcome(Rule { direction: direction.to_owned(), ..china() }, &quiet).unwrap();
    assert_eq!(by("any").0, Outcome::Match);
    assert_eq!(by("down").0, Outcome::Match);
    for direction in ["up", "both"] {
        let (what, because) = by(direction);
        assert_eq!(what, Outcome::NoMatch);
        assert!(because.contains("the device has sent no payload"), "{because}");
    }
}

#[test]
fn outside_of_its_schedule_a_rule_does_not_match() {
    let hours = |from: &str, to: &str| {
        let schedule = Schedule { from: from.into(), to: to.into(), ..Schedule::default() };
        outcome(Rule { schedule: Some(schedule), ..china() }, &flow()).unwrap()
    };
    assert_eq!(hours("00:00", "00:02").0, Outcome::Match, "the fixture ends at 00:01:40");
    let (what, because) = hours("08:00", "18:00");
    assert_eq!(what, Outcome::NoMatch);
    assert!(because.ends_with("outside of the rule's schedule (every day 08:00 to 18:00 UTC)"), "{because}");
}

fn with_exception(exception: Exception) -> Judge {
    let exception = Exception { reason: "why".into(), owner: "who".into(), ..exception };
    let config = PolicyConfig { rule: vec![china()], exception: vec![exception], ..PolicyConfig::default() };
    Judge::new(Arc::new(Policy::compile(&config, &Apps).unwrap()))
}

#[test]
fn an_excepted_match_is_told_as_such_and_counted() {
    let scopes = [
        Exception { rules: words(&["r"]), ..Exception::default() },
        Exception { apps: words(&["wechat"]), ..Exception::default() },
        Exception { devices: words(&["Phone"]), ..Exception::default() },
        Exception { operators: words(&["AS45090"]), ..Exception::default() },
        Exception { countries: words(&["prc"]), ..Exception::default() },
    ];
    for scope in scopes {
        let mut judge = with_exception(Exception { expires: "1970-01-01".into(), ..scope });
        let judgement = judge.judge(&flow(), &mut Owed::default());
        let verdict = &judgement.verdicts[0];
        assert_eq!((verdict.outcome, judgement.findings.len()), (Outcome::NoMatch, 0));
        let last = verdict.because.last().unwrap();
        assert_eq!(last.as_ref(), "excepted by `exception-1` until 1970-01-01: why (who)");
        assert!(last.starts_with(EXCEPTED));
        assert_eq!(judge.counts().excepted, 1);
        let mut next_day = flow();
        next_day.record.end = Timestamp::from_parts(86_400, 0);
        let judgement = judge.judge(&next_day, &mut Owed::default());
        assert_eq!(judgement.findings.len(), 1, "its last day is past");
        let because = judgement.verdicts[0].because.join(" | ");
        assert!(because.contains("the exception `exception-1` (who) expired on 1970-01-01"), "{because}");
    }
}

#[test]
fn an_exception_needs_all_of_its_scope_and_knowledge_of_it() {
    let findings = |exception: Exception, flow: &EnrichedFlow| {
        with_exception(Exception { expires: "2100-01-01".into(), ..exception })
            .judge(flow, &mut Owed::default())
            .findings
            .len()
    };
    let both = Exception { apps: words(&["wechat"]), devices: words(&["tv"]), ..Exception::default() };
    assert_eq!(findings(both, &flow()), 1);
    let named = || Exception { names: words(&["qq.com"]), ..Exception::default() };
    assert_eq!(findings(named(), &flow()), 1, "a remote without a name is not surely the one");
    let mut met = flow();
    met.remote.hostname = HostName::from_wire(b"short.weixin.qq.com");
    assert_eq!(findings(named(), &met), 0);
}

#[test]
fn a_minimum_of_flows_counts_each_flow_once() {
    let rule = Rule { min_flows: 3, window: HumanDuration::from_secs(600), ..china() };
    let mut judge = Judge::new(Arc::new(policy(rule)));
    let mut told = |id| {
        let mut flow = flow();
        flow.record.id = FlowId(id);
        let judgement = judge.judge(&flow, &mut Owed::default());
        judgement.findings.first().map(|f| f.bytes_up)
    };
    assert_eq!([told(1), told(1), told(2), told(1), told(3)], [None, None, None, None, Some(5000)]);
    assert_eq!(told(4), Some(1000));
}

#[test]
fn only_the_first_time_matches_once_the_rule_has_learned() {
    let rule = || Rule {
        first_time: words(&["app-country", "device-operator"]),
        learning: HumanDuration::from_secs(DAY),
        ..china()
    };
    let seen = |judge: &mut Judge, id: u64, day: i64, operator: &str| {
        let mut flow = flow();
        flow.record.id = FlowId(id);
        flow.record.end = Timestamp::from_parts(day * 86_400, 0);
        flow.remote.operator.name = Some(operator.into());
        let judgement = judge.judge(&flow, &mut Owed::default());
        (judgement.findings.len(), judgement.verdicts[0].because.last().unwrap().to_string())
    };
    let mut judge = Judge::new(Arc::new(policy(rule())));
    let (told, why) = seen(&mut judge, 1, 10, "Tencent");
    assert_eq!(
        (told, why.starts_with("the rule still learns, for 1d: until 1970-01-12")),
        (0, true),
        "{why}"
    );
    let (told, why) = seen(&mut judge, 2, 12, "Tencent");
    assert_eq!(
        (told, why.contains("phone was seen with Tencent before (first at 1970-01-11")),
        (0, true),
        "{why}"
    );
    let (told, why) = seen(&mut judge, 3, 12, "Alibaba");
    assert_eq!((told, why.as_str()), (1, "phone was never seen with Alibaba before"));
    assert_eq!(seen(&mut judge, 3, 13, "Alibaba").0, 1, "the same flow goes on");
    assert_eq!(seen(&mut judge, 4, 13, "Alibaba").0, 0, "the next one is no news");

    let kept = judge.take_learned();
    assert_eq!(kept.len(), 4, "the rule, one app and country, two operators: {kept:?}");
    assert!(judge.take_learned().is_empty());
    let mut next_life = Judge::new(Arc::new(policy(rule())));
    next_life.recall(kept);
    assert_eq!(seen(&mut next_life, 1, 14, "Alibaba").0, 0, "known from the life before");
    assert_eq!(seen(&mut next_life, 2, 14, "Huawei").0, 1, "and it need not learn again");

    let mut reloaded = Judge::new(Arc::new(policy(rule())));
    reloaded.inherit(&mut next_life);
    assert_eq!(seen(&mut reloaded, 9, 15, "Huawei").0, 0);
    assert_eq!(Duration::from_secs(DAY), rule().learning.0);
}

#[test]
fn new_keys_that_are_not_used_leave_the_hash_as_it_was() {
    assert_eq!(
        Policy::none().hash().as_ref(),
        "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
        "SHA-256 of an empty list"
    );
    let named = Policy::compile(&profile("named-2020").unwrap().config().unwrap(), &Apps).unwrap();
    let text = serde_json::to_string(&named.rules[0]).unwrap();
    assert!(text.ends_with("\"window\":{\"secs\":3600,\"nanos\":0}}"), "{text}");
}
