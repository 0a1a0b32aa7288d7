//! Which grounds name an application, in which tier, and which never do.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Counters, Ech, Endpoint, Evidence, EvidenceKind, Facts, FlowId, FlowRecord, HostName, Identification,
    Label, LookupVia, NameCandidate, NameFact, NameOrigin, ObservationPoint, OriginSource, ProcessRef,
    Protocol, ProtocolProof, SourceBasis, Tier, Timestamp, Tunnel, VlanTags,
};

const START: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(START + seconds, 0)
}

fn host(name: &str) -> HostName {
    HostName::from_wire(name.as_bytes()).unwrap()
}

/// A question under construction: a TCP flow from 10.0.0.2 to an address that no prefix of the catalogue holds.
struct Case {
    facts: Facts,
    remote: IpAddr,
    port: u16,
    asn: Option<u32>,
    dns: Vec<NameCandidate>,
    hidden: Vec<NameCandidate>,
    near: Vec<Neighbour>,
    shared: Option<Shared>,
    origin: Option<Arc<ProcessRef>>,
}

fn case() -> Case {
    Case {
        facts: Facts::default(),
        remote: "203.0.113.9".parse().unwrap(),
        port: 443,
        asn: None,
        dns: Vec::new(),
        hidden: Vec::new(),
        near: Vec::new(),
        shared: None,
        origin: None,
    }
}

impl Case {
    fn name(mut self, origin: NameOrigin, name: &str) -> Self {
        self.facts.names.push(NameFact { name: host(name), origin, at: at(0) });
        self
    }

    /// An answer that came `age` seconds before the flow began.
    fn dns(mut self, name: &str, age: i64, ttl: u32, aliases: &[&str]) -> Self {
        let aliases = aliases.iter().map(|a| host(a)).collect();
        self.dns.push(NameCandidate { name: host(name), aliases, at: at(-age), ttl, via: LookupVia::Dns });
        self
    }

    /// Another flow of the client to the address, `age` seconds before this one.
    fn near(mut self, flow: u64, name: &str, age: i64) -> Self {
        let called = Called::Name(host(name), NameOrigin::TlsSni);
        self.near.push(Neighbour { flow: FlowId(flow), called, at: at(-age), until: at(-age) });
        self
    }

    fn hidden(mut self, name: &str) -> Self {
        let name = host(name);
        self.hidden.push(NameCandidate { name, aliases: vec![], at: at(-1), ttl: 60, via: LookupVia::Dns });
        self
    }

    fn shared(mut self) -> Self {
        self.shared = Some(Shared::Operator("cdn"));
        self
    }

    fn made_by(mut self, source: OriginSource, change: impl FnOnce(&mut ProcessRef)) -> Self {
        let mut maker = ProcessRef::unknown(source);
        change(&mut maker);
        self.origin = Some(Arc::new(maker));
        self
    }

    fn facts(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    fn remote(mut self, addr: &str, asn: Option<u32>) -> Self {
        self.remote = addr.parse().unwrap();
        self.asn = asn;
        self
    }

    fn identify(self) -> Identification {
        self.identify_by(embedded())
    }

    fn identify_by(self, catalogue: Arc<Catalogue>) -> Identification {
        let remote = Endpoint::new(self.remote, self.port);
        let record = FlowRecord {
            id: FlowId(1),
            sequence: 0,
            point: Arc::new(ObservationPoint { id: 0, name: "test".into(), time_digits: 6 }),
            protocol: Protocol::TCP,
            source: Endpoint::new("10.0.0.2".parse().unwrap(), 50_000),
            destination: remote,
            source_basis: SourceBasis::Handshake,
            source_mac: None,
            destination_mac: None,
            vlan: VlanTags::default(),
            tunnel: Tunnel::None,
            tunnel_depth: 0,
            start: at(0),
            end: at(1),
            forward: Counters::default(),
            reverse: Counters::default(),
            forward_total: Counters::default(),
            reverse_total: Counters::default(),
            tcp: None,
            first_answer: None,
            facts: Arc::new(self.facts),
            origin: self.origin,
            origin_conflict: false,
            relayed: false,
            end_reason: None,
        };
        let question = Question {
            record: &record,
            remote,
            asn: self.asn,
            dns: &self.dns,
            hidden: &self.hidden,
            near: &self.near,
            shared: self.shared,
            at: at(0),
        };
        let identification = Identifier::new(catalogue).identify(&question);
        well_formed(&identification);
        identification
    }
}

/// What holds for every answer.
fn well_formed(i: &Identification) {
    assert_eq!(i.tier.is_none(), i.evidence.is_empty(), "a tier exactly where there is evidence: {i:?}");
    assert_eq!(i.tier.is_none(), i.method.is_none(), "{i:?}");
    assert!(i.app.is_none() || (i.tier.is_some() && i.candidates.is_empty()), "{i:?}");
    assert!(i.evidence.len() <= 8 && i.candidates.len() <= 16, "{i:?}");
    if let Some(first) = i.evidence.first() {
        assert_eq!(Some(first.kind.word()), i.method, "the deciding evidence comes first: {i:?}");
    }
}

/// Application, tier and method in short.
fn said(i: &Identification) -> (Option<&str>, Option<Tier>, Option<&str>) {
    (i.app.as_ref().map(|a| &*a.id), i.tier, i.method)
}

fn values(evidence: &[Evidence]) -> Vec<&str> {
    evidence.iter().map(|e| &*e.value).collect()
}

#[test]
fn a_name_in_the_flow_names_the_application_strongly() {
    for (origin, word) in [
        (NameOrigin::TlsSni, "tls_sni"),
        (NameOrigin::QuicSni, "quic_sni"),
        (NameOrigin::DtlsSni, "dtls_sni"),
        (NameOrigin::HttpHost, "http_host"),
        (NameOrigin::HttpTarget, "http_target"),
        (NameOrigin::HttpConnect, "http_connect"),
        (NameOrigin::Http2Authority, "http2_authority"),
        (NameOrigin::Socks, "socks"),
    ] {
        let i = case().name(origin, "short.weixin.qq.com").identify();
        assert_eq!(said(&i), (Some("wechat"), Some(Tier::B), Some(word)));
        assert_eq!(i.evidence[0].matched.as_deref(), Some("suffix weixin.qq.com"));
        assert!(i.evidence[0].source.is_some());
    }
}

#[test]
fn nothing_seen_is_nothing_said() {
    assert_eq!(case().identify(), Identification::default());
}

#[test]
fn an_unknown_name_is_kept_and_names_nothing_even_when_dns_speaks() {
    let i =
        case().name(NameOrigin::TlsSni, "www.unknown.example").dns("web.wechat.com", 1, 60, &[]).identify();
    assert_eq!(said(&i), (None, Some(Tier::B), Some("tls_sni")));
    assert_eq!(values(&i.evidence)[0], "www.unknown.example");
}

#[test]
fn names_that_are_no_host_names_never_match() {
    for name in ["192.168.1.1", "wechat", "exa mple.wechat.com", "web.wechat.com:443", "-.wechat.com"] {
        let i = case().name(NameOrigin::HttpHost, name).identify();
        assert_eq!(i.app, None, "{name}");
    }
}

#[test]
fn one_fresh_answer_is_good_and_an_old_one_a_set() {
    let fresh = case().dns("web.wechat.com", 80, 10, &[]).identify();
    assert_eq!(said(&fresh), (Some("wechat"), Some(Tier::C), Some("dns_answer")), "60 s and 30 s of grace");
    let long = case().dns("web.wechat.com", 3000, 3600, &[]).identify();
    assert_eq!(long.tier, Some(Tier::C));
    let old = case().dns("web.wechat.com", 91, 10, &[]).identify();
    assert_eq!(said(&old), (Some("wechat"), Some(Tier::D), Some("dns_answer")));
    let later = case().dns("web.wechat.com", -5, 600, &[]).identify();
    assert_eq!(later.tier, Some(Tier::D), "an answer after the flow began is no cause of it");
}

#[test]
fn several_names_of_one_application_are_a_set_that_names_it() {
    let i = case().dns("web.wechat.com", 1, 60, &[]).dns("res.wx.qq.com", 2, 60, &[]).identify();
    assert_eq!(said(&i), (Some("wechat"), Some(Tier::D), Some("dns_answer")));
    assert_eq!(i.evidence.len(), 2);
}

#[test]
fn several_applications_are_candidates_and_none_is_chosen() {
    let i = case().dns("web.wechat.com", 1, 60, &[]).dns("graph.facebook.com", 2, 60, &[]).identify();
    assert_eq!(said(&i), (None, Some(Tier::D), Some("dns_answer")));
    assert_eq!(i.candidates.iter().map(|c| &**c).collect::<Vec<_>>(), ["facebook", "wechat"]);
    let beside_unknown = case().dns("web.wechat.com", 1, 60, &[]).dns("shop.example", 2, 60, &[]).identify();
    assert_eq!(
        said(&beside_unknown),
        (None, Some(Tier::D), Some("dns_answer")),
        "the unknown may be the one"
    );
    assert_eq!(beside_unknown.candidates.len(), 1);
}

#[test]
fn the_same_name_asked_again_counts_once_and_by_its_fresh_answer() {
    let i = case().dns("web.wechat.com", 5000, 60, &[]).dns("web.wechat.com", 5, 60, &[]).identify();
    assert_eq!(said(&i), (Some("wechat"), Some(Tier::C), Some("dns_answer")));
}

#[test]
fn an_alias_supports_and_never_names() {
    let cdn =
        case().dns("shop.example", 1, 60, &["shop.example.edgekey.net", "d1.cloudfront.net"]).identify();
    assert_eq!(said(&cdn), (None, Some(Tier::D), Some("dns_answer")));
    assert!(cdn.candidates.is_empty());
    let own = case().dns("www.netflix.com", 1, 60, &["x.elb.amazonaws.com", "edge.nflxso.net"]).identify();
    assert_eq!(said(&own), (Some("netflix"), Some(Tier::C), Some("dns_answer")));
    assert!(values(&own.evidence).contains(&"edge.nflxso.net"));
}

#[test]
fn a_flow_name_wins_over_dns_and_a_contradiction_lowers_it() {
    let i =
        case().name(NameOrigin::TlsSni, "web.wechat.com").dns("graph.facebook.com", 1, 60, &[]).identify();
    assert_eq!(said(&i), (Some("wechat"), Some(Tier::C), Some("tls_sni")));
    assert_eq!(values(&i.evidence), ["web.wechat.com", "graph.facebook.com"], "both are shown");
    let stale =
        case().name(NameOrigin::TlsSni, "web.wechat.com").dns("graph.facebook.com", 9000, 60, &[]).identify();
    assert_eq!(stale.tier, Some(Tier::B), "an address changes hands: old answers contradict nothing");
    let agreed = case()
        .name(NameOrigin::TlsSni, "web.wechat.com")
        .dns("graph.facebook.com", 1, 60, &[])
        .dns("web.wechat.com", 1, 60, &[])
        .identify();
    assert_eq!(agreed.tier, Some(Tier::B));
}

#[test]
fn a_contradiction_is_shown_among_many_names() {
    let mut case = case().dns("graph.facebook.com", 1, 60, &[]);
    for n in 0..12 {
        case = case.name(NameOrigin::HttpHost, &format!("h{n}.weixin.qq.com"));
    }
    let i = case.identify();
    assert_eq!(i.tier, Some(Tier::C));
    assert!(values(&i.evidence).contains(&"graph.facebook.com"), "{:?}", values(&i.evidence));
}

#[test]
fn one_connection_for_several_applications_is_nobodys() {
    let i = case()
        .name(NameOrigin::HttpTarget, "web.wechat.com")
        .name(NameOrigin::HttpTarget, "www.reddit.com")
        .identify();
    assert_eq!(said(&i), (None, Some(Tier::D), Some("http_target")));
    assert_eq!(i.candidates.len(), 2);
}

#[test]
fn rented_machines_never_outrank_an_application() {
    let i = case()
        .name(NameOrigin::HttpConnect, "d1.cloudfront.net")
        .name(NameOrigin::TlsSni, "www.netflix.com")
        .identify();
    assert_eq!(said(&i), (Some("netflix"), Some(Tier::B), Some("tls_sni")));
    let alone = case().name(NameOrigin::TlsSni, "d1.cloudfront.net").identify();
    assert_eq!(said(&alone).0, Some("aws"));
}

#[test]
fn a_cover_name_with_ech_says_nothing_and_dns_may_speak() {
    let covered = |ech| case().name(NameOrigin::TlsSni, "cloudflare-ech.com").facts(|f| f.ech = ech);
    let hidden = covered(Ech::Present).identify();
    assert_eq!(said(&hidden), (None, Some(Tier::F), Some("tls_sni")));
    assert_eq!(hidden.evidence[0].matched.as_deref(), Some("cover name cloudflare-ech.com"));
    let resolved = covered(Ech::Present).dns("discord.com", 1, 60, &[]).identify();
    assert_eq!(said(&resolved), (Some("discord"), Some(Tier::C), Some("dns_answer")));
    let real = covered(Ech::Absent).identify();
    assert_eq!(said(&real), (Some("cloudflare"), Some(Tier::B), Some("tls_sni")));
    let grease = case().name(NameOrigin::TlsSni, "discord.com").facts(|f| f.ech = Ech::Present).identify();
    assert_eq!(said(&grease), (Some("discord"), Some(Tier::B), Some("tls_sni")), "GREASE beside a real name");
}

#[test]
fn a_lookup_is_not_the_traffic_of_what_it_asks_for() {
    let i = case()
        .remote("8.8.8.8", Some(15169))
        .name(NameOrigin::DnsQuestion, "web.wechat.com")
        .dns("dns.google.com", 1, 60, &[])
        .identify();
    assert_eq!(said(&i), (None, Some(Tier::F), Some("dns_question")));
    assert_eq!(values(&i.evidence), ["web.wechat.com"]);
    let unread = case().facts(|f| f.protocol = Some("dns")).remote("149.154.167.50", Some(62041)).identify();
    assert_eq!(unread, Identification::default());
}

#[test]
fn an_applications_own_protocol_names_it() {
    let i = case().facts(|f| f.app_protocol = Some("mmtls")).identify();
    assert_eq!(said(&i), (Some("wechat"), Some(Tier::B), Some("app_protocol")));
    let other = case()
        .name(NameOrigin::HttpHost, "www.reddit.com")
        .facts(|f| f.app_protocol = Some("mmtls"))
        .identify();
    assert_eq!(said(&other), (Some("reddit"), Some(Tier::C), Some("http_host")), "contradicted, so lowered");
    assert!(values(&other.evidence).contains(&"mmtls"));
    assert_eq!(case().facts(|f| f.app_protocol = Some("unheard-of")).identify(), Identification::default());
}

#[test]
fn a_protocol_known_by_shape_alone_names_it_only_at_its_own_address_or_name() {
    let weak = |f: &mut Facts| {
        f.app_protocol = Some("mtproto");
        f.app_protocol_proof = ProtocolProof::Weak;
    };
    assert_eq!(case().facts(weak).identify(), Identification::default());
    let own = case().facts(weak).remote("149.154.167.50", None).identify();
    assert_eq!(said(&own), (Some("telegram"), Some(Tier::C), Some("app_protocol")));
    let resolved = case().facts(weak).dns("web.telegram.org", 5, 60, &[]).identify();
    assert_eq!(said(&resolved), (Some("telegram"), Some(Tier::C), Some("app_protocol")));
    let other = case().facts(weak).dns("www.reddit.com", 5, 60, &[]).identify();
    assert_eq!(said(&other), (Some("reddit"), Some(Tier::C), Some("dns_answer")));
}

#[test]
fn an_answer_around_the_dns_names_it_and_says_so() {
    let mut case = case().dns("short.weixin.qq.com", 5, 60, &[]);
    case.dns[0].via = LookupVia::Httpdns;
    assert_eq!(said(&case.identify()), (Some("wechat"), Some(Tier::C), Some("httpdns_answer")));
}

#[test]
fn a_certificate_is_good_when_all_its_names_agree() {
    let one = case().name(NameOrigin::Certificate, "web.wechat.com").identify();
    assert_eq!(said(&one), (Some("wechat"), Some(Tier::C), Some("certificate")));
    let shared = case()
        .name(NameOrigin::Certificate, "web.wechat.com")
        .name(NameOrigin::Certificate, "shop.example")
        .identify();
    assert_eq!(said(&shared).0, None);
    let hello = case()
        .name(NameOrigin::TlsSni, "www.reddit.com")
        .name(NameOrigin::Certificate, "web.wechat.com")
        .identify();
    assert_eq!(said(&hello), (Some("reddit"), Some(Tier::B), Some("tls_sni")));
}

#[test]
fn an_address_names_only_by_its_own_prefix() {
    let own = case().remote("149.154.167.50", Some(62041)).identify();
    assert_eq!(said(&own), (Some("telegram"), Some(Tier::E), Some("address_prefix")));
    assert!(own.evidence.iter().any(|e| &*e.value == "AS62041"), "the vendor's AS number supports it");
    let mapped = case().remote("::ffff:149.154.167.50", None).identify();
    assert_eq!(said(&mapped).0, Some("telegram"));
    let vendor = case().remote("203.0.113.1", Some(32934)).identify();
    assert_eq!(said(&vendor), (None, Some(Tier::E), Some("as_number")));
    let rented = case().remote("203.0.113.1", Some(45090)).identify();
    assert_eq!(said(&rented), (None, Some(Tier::F), Some("as_number")));
    assert_eq!(case().remote("203.0.113.1", Some(64_512)).identify(), Identification::default());
}

#[test]
fn a_vendors_prefix_without_the_mark_names_nothing() {
    let catalogue = Arc::new(
        small(
            r#"
            [[application]]
            id = "shared"
            name = "Shared"
            vendor = "V"
            tags = ["messaging"]
            [[application.prefixes]]
            source = "curated"
            prefix = ["203.0.113.0/24"]
            "#,
        )
        .unwrap(),
    );
    let i = case().identify_by(Arc::clone(&catalogue));
    assert_eq!(said(&i), (None, Some(Tier::E), Some("address_prefix")));
    let named = case().name(NameOrigin::TlsSni, "www.unknown.example").identify_by(catalogue);
    assert_eq!(said(&named), (None, Some(Tier::B), Some("tls_sni")));
}

#[test]
fn a_name_beats_an_own_prefix() {
    let i = case().remote("149.154.167.50", None).name(NameOrigin::TlsSni, "www.google.com").identify();
    assert_eq!(said(&i).0, Some("google"));
    let unknown = case().remote("149.154.167.50", None).name(NameOrigin::TlsSni, "cover.example").identify();
    assert_eq!(said(&unknown), (Some("telegram"), Some(Tier::E), Some("address_prefix")));
}

#[test]
fn a_port_only_supports() {
    let mut alone = case();
    alone.port = 8080;
    assert_eq!(alone.identify(), Identification::default());
    let mut named = case().name(NameOrigin::HttpHost, "short.weixin.qq.com");
    named.port = 8080;
    assert!(named.identify().evidence.iter().any(|e| e.kind.word() == "port"));
}

#[test]
fn a_fact_of_low_confidence_names_nothing_alone() {
    let catalogue = embedded();
    let low = catalogue
        .applications
        .iter()
        .flat_map(|a| &a.domains)
        .find(|d| d.confidence == Confidence::Low)
        .unwrap();
    for i in [
        case().name(NameOrigin::TlsSni, &low.domain).identify(),
        case().dns(&low.domain, 1, 60, &[]).identify(),
    ] {
        assert_eq!(i.app, None);
        assert!(i.evidence[0].matched.is_some(), "but it is shown");
    }
}

#[test]
fn a_flow_without_a_name_has_its_neighbours() {
    let near = case().near(7, "short.weixin.qq.com", 12).identify();
    assert_eq!(said(&near), (Some("wechat"), Some(Tier::C), Some("neighbour")));
    let evidence = &near.evidence[0];
    assert_eq!(&*evidence.value, "short.weixin.qq.com (tls_sni of flow 0000000000000007, 12s before)");
    assert_eq!(evidence.matched.as_deref(), Some("suffix weixin.qq.com"));
    let shared = case().near(7, "short.weixin.qq.com", 12).shared().identify();
    assert_eq!(said(&shared), (None, Some(Tier::D), Some("neighbour")), "others are served there, too");
    assert_eq!(shared.candidates.iter().map(|c| &**c).collect::<Vec<_>>(), ["wechat"]);
    assert!(shared.evidence.iter().any(|e| e.kind == EvidenceKind::SharedAddress), "what lowers it is shown");
}

#[test]
fn neighbours_of_different_applications_name_nothing() {
    let two = case().near(7, "short.weixin.qq.com", 12).near(8, "www.reddit.com", 3).identify();
    assert_eq!(said(&two), (None, Some(Tier::D), Some("neighbour")));
    assert_eq!(two.candidates.iter().map(|c| &**c).collect::<Vec<_>>(), ["reddit", "wechat"]);
    let unknown = case().near(7, "short.weixin.qq.com", 12).near(8, "www.nobody.example", 3).identify();
    assert_eq!(unknown.app, None, "one of them is somebody else's");
    let own =
        case().name(NameOrigin::TlsSni, "www.nobody.example").near(7, "short.weixin.qq.com", 1).identify();
    assert_eq!(own.app, None, "a flow that says where it goes needs no neighbour");
}

#[test]
fn grounds_of_different_kinds_raise_each_other_and_contradictions_lower() {
    let stale = || case().dns("short.weixin.qq.com", 1000, 60, &[]);
    assert_eq!(said(&stale().identify()), (Some("wechat"), Some(Tier::D), Some("dns_answer")));
    let both = stale().near(7, "short.weixin.qq.com", 12).shared();
    // The old answer names nothing on a shared address, so the neighbour stands alone.
    assert_eq!(both.identify().tier, Some(Tier::D));
    let telegram = case().dns("web.telegram.org", 1000, 60, &[]).remote("149.154.167.50", None).identify();
    assert_eq!(
        said(&telegram),
        (Some("telegram"), Some(Tier::C), Some("dns_answer")),
        "old answer and own prefix"
    );
    let against = case().dns("web.telegram.org", 5, 60, &[]).near(7, "short.weixin.qq.com", 12).identify();
    assert_eq!(said(&against), (None, Some(Tier::D), Some("dns_answer")), "equal and opposed");
    assert_eq!(against.candidates.iter().map(|c| &**c).collect::<Vec<_>>(), ["telegram", "wechat"]);
    let lowered = case().dns("short.weixin.qq.com", 5, 60, &[]).remote("149.154.167.50", None).identify();
    assert_eq!(
        said(&lowered),
        (Some("wechat"), Some(Tier::D), Some("dns_answer")),
        "a weaker ground opposes"
    );
    assert!(lowered.evidence.iter().any(|e| e.kind == EvidenceKind::AddressPrefix), "and is shown");
}

#[test]
fn on_a_shared_address_lookups_age_fast_and_networks_say_only_who_hosts() {
    let answer = |age| case().dns("short.weixin.qq.com", age, 60, &[]).shared().identify();
    assert_eq!(said(&answer(30)), (Some("wechat"), Some(Tier::C), Some("dns_answer")));
    assert_eq!(said(&answer(600)), (Some("wechat"), Some(Tier::D), Some("dns_answer")));
    let old = answer(601);
    assert_eq!(said(&old), (None, Some(Tier::D), Some("dns_answer")));
    assert_eq!(old.candidates.len(), 1, "still a candidate");
    let own = case().remote("203.0.113.9", Some(62041));
    assert_eq!(own.identify().tier, Some(Tier::E));
    assert_eq!(case().remote("203.0.113.9", Some(62041)).shared().identify().tier, Some(Tier::F));
    let mut observed = case().remote("149.154.167.50", None);
    observed.shared = Some(Shared::Observed);
    assert_eq!(observed.identify().app, None, "others were seen on a prefix that should be its own");
    let operator = case().remote("149.154.167.50", None).shared().identify();
    assert_eq!(
        operator.app.map(|a| a.id.to_string()).as_deref(),
        Some("telegram"),
        "the fact is of the prefix"
    );
}

#[test]
fn behind_a_cover_stands_what_this_client_resolved() {
    let covered = || case().name(NameOrigin::TlsSni, "public.example").facts(|f| f.ech = Ech::Real);
    assert_eq!(covered().identify().app, None);
    let one = covered().hidden("web.wechat.com").hidden("short.weixin.qq.com").identify();
    assert_eq!(said(&one), (Some("wechat"), Some(Tier::D), Some("ech_candidate")));
    let several = covered().hidden("web.wechat.com").hidden("www.reddit.com").identify();
    assert_eq!(said(&several), (None, Some(Tier::D), Some("ech_candidate")));
    assert_eq!(several.candidates.len(), 2);
    let unknown = covered().hidden("web.wechat.com").hidden("www.nobody.example").identify();
    assert_eq!(unknown.app, None);
    let grease = case().name(NameOrigin::TlsSni, "www.reddit.com").facts(|f| f.ech = Ech::Present);
    assert_eq!(said(&grease.hidden("web.wechat.com").identify()).0, Some("reddit"));
}

#[test]
fn a_peer_is_no_server() {
    let peer = |f: &mut Facts| f.peer = true;
    let near =
        case().facts(peer).dns("short.weixin.qq.com", 1, 60, &[]).remote("149.154.167.50", Some(62041));
    assert_eq!(near.identify(), Identification::default());
    let call = case().facts(|f| {
        f.peer = true;
        f.app_protocol = Some("mmtls");
    });
    assert_eq!(said(&call.identify()).0, Some("wechat"), "what it speaks it says itself");
}

const MADE: &str = r#"
[[application]]
id = "one"
name = "One"
vendor = "V"
tags = ["messaging"]
[[application.packages]]
source = "curated"
id = ["com.example.one"]
label = ["One"]
[[application.processes]]
source = "curated"
name = ["one.exe"]
[[application.domains]]
source = "curated"
suffix = ["one.example"]
[[application]]
id = "sdk"
name = "Sdk"
vendor = "W"
tags = ["messaging"]
[[application.domains]]
source = "curated"
suffix = ["sdk.example"]
"#;

#[test]
fn the_maker_of_a_flow_names_it_and_the_networks_answer_stays_beside_it() {
    let catalogue = || Arc::new(small(MADE).unwrap());
    let label = |text: &str| Label::new(text.as_bytes());
    let call = || case().name(NameOrigin::TlsSni, "api.sdk.example");
    let by_package = |m: &mut ProcessRef| m.package = label("com.example.one");
    let owned = call().made_by(OriginSource::PcapdroidBlock, by_package).identify_by(catalogue());
    assert_eq!(said(&owned), (Some("one"), Some(Tier::A), Some("package")));
    assert_eq!(owned.evidence[0].matched.as_deref(), Some("package com.example.one"));
    let network = *owned.network.unwrap();
    assert_eq!(network, call().identify_by(catalogue()), "worked out as if the maker were not known");
    let by_name = |m: &mut ProcessRef| m.executable = label("C:\\Apps\\One.exe");
    let process = call().made_by(OriginSource::Socket, by_name).identify_by(catalogue());
    assert_eq!(said(&process), (Some("one"), Some(Tier::A), Some("process")));
    let stranger = |m: &mut ProcessRef| {
        m.package = label("com.example.other");
        m.name = label("One");
    };
    let other = call().made_by(OriginSource::PcapdroidBlock, stranger).identify_by(catalogue());
    assert_eq!(
        said(&other),
        (Some("sdk"), Some(Tier::B), Some("tls_sni")),
        "a name does not outweigh the package"
    );
    let lookup = case().name(NameOrigin::DnsQuestion, "one.example");
    let asked = lookup.made_by(OriginSource::PcapdroidBlock, by_package).identify_by(catalogue());
    assert_eq!(asked.app, None, "the system looks names up for all");
}

#[test]
fn a_label_names_its_application_only_whole_and_where_it_is_one_package() {
    let text = MADE
        .replace("label = [\"One\"]\n", "")
        .replace("name = \"One\"", "name = \"One for All of Us / Uno\"");
    let said_of = |text: &str, uid: u32, name: &str| {
        let maker = |m: &mut ProcessRef| (m.uid, m.name) = (Some(uid), Label::new(name.as_bytes()));
        let flow = case().name(NameOrigin::TlsSni, "api.sdk.example");
        let said_ =
            flow.made_by(OriginSource::PcapdroidTrailer, maker).identify_by(Arc::new(small(text).unwrap()));
        (said(&said_).0.map(str::to_owned), said_)
    };
    let named = |name: &str| said_of(&text, 10_142, name).0;
    assert_eq!(named("uno").as_deref(), Some("one"), "its own name, whatever the case");
    assert_eq!(said_of(&text, 10_142, "Uno").1.tier, Some(Tier::A));
    assert_eq!(said_of(&text, 1_110_142, "Uno").0.as_deref(), Some("one"), "of another user of the phone");
    for stranger in ["Uno Reader", "Un", "One", "One for All of Us 2"] {
        assert_eq!(named(stranger).as_deref(), Some("sdk"), "{stranger}");
    }
    assert_eq!(said_of(&text, 1000, "Uno").0.as_deref(), Some("sdk"), "the system's id is many programs'");
    let (app, cut) = said_of(&text.replace("All of Us", "Everybody Else"), 10_142, "One for Everybody E");
    assert_eq!(app.as_deref(), Some("sdk"), "cut short it may be another's");
    assert!(
        cut.evidence.iter().any(|e| e.matched.is_some() && &*e.value == "One for Everybody E"),
        "{cut:?}"
    );
    let twice = text.replace("name = \"Sdk\"", "name = \"Uno\"")
        + "[[application.packages]]\nsource = \"curated\"\nid = [\"com.example.sdk\"]\n";
    assert_eq!(said_of(&twice, 10_142, "Uno").1.tier, Some(Tier::B), "two are called so: nobody is");
    let everyday = text.replace("/ Uno", "/ Session");
    assert_eq!(said_of(&everyday, 10_142, "Session").0.as_deref(), Some("sdk"), "anything may be called so");
}

proptest! {
    #[test]
    fn any_question_is_answered_in_form(
        names in proptest::collection::vec((0_usize..11, "[a-z.]{1,20}|web\\.wechat\\.com|www\\.google\\.com|cloudflare-ech\\.com|x\\.cloudfront\\.net"), 0..16),
        answers in proptest::collection::vec(("[a-z.]{1,20}|graph\\.facebook\\.com|web\\.wechat\\.com", -10_i64..4000, 0_u32..600), 0..20),
        known in any::<bool>(),
        ech in any::<bool>(),
        asn in proptest::option::of(prop_oneof![Just(45090_u32), Just(32934), any::<u32>()]),
    ) {
        use NameOrigin as O;
        let origins = [O::TlsSni, O::QuicSni, O::DtlsSni, O::HttpHost, O::HttpTarget, O::HttpConnect,
            O::Http2Authority, O::Socks, O::Certificate, O::DnsQuestion, O::AppProtocol];
        let mut question = case().remote(if known { "149.154.167.50" } else { "203.0.113.1" }, asn);
        for (origin, name) in &names {
            if let Some(name) = HostName::from_wire(name.as_bytes()) {
                question.facts.names.push(NameFact { name, origin: origins[*origin], at: at(0) });
            }
        }
        for (name, age, ttl) in &answers {
            if let Some(name) = HostName::from_wire(name.as_bytes()) {
                question.dns.push(NameCandidate { name, aliases: Vec::new(), at: at(-age), ttl: *ttl, via: LookupVia::Dns });
            }
        }
        if ech {
            question.facts.ech = Ech::Present;
        }
        question.identify();
    }
}
