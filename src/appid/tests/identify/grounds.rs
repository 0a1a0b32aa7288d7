//! Grounds other than names: protocols, certificates, addresses, ports, neighbours; and how grounds raise and lower each other.

use super::*;

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
fn a_whole_as_names_where_it_serves_one_application() {
    let own = |asn| case().remote("203.0.113.1", Some(asn));
    assert_eq!(said(&own(32590).identify()), (Some("steam"), Some(Tier::E), Some("as_number")));
    let i = own(32590).identify();
    assert_eq!(i.evidence.iter().filter(|e| &*e.value == "AS32590").count(), 1, "told once");
    let named = own(32590).name(NameOrigin::TlsSni, "www.google.com").identify();
    assert_eq!(said(&named).0, Some("google"), "a name beats it");
    let guest = own(32590).name(NameOrigin::TlsSni, "guest.example").identify();
    assert_eq!(said(&guest), (None, Some(Tier::B), Some("tls_sni")), "a stranger's name speaks against it");
    let prefix = case().remote("149.154.167.50", Some(32590)).identify();
    assert_eq!(said(&prefix).0, Some("telegram"), "a prefix goes before");
}

#[test]
fn a_far_end_that_began_the_flow_is_a_client_and_its_network_names_nothing() {
    let crawler = case().remote("203.0.113.1", Some(714)).asked_by_the_far_end().identify();
    assert_eq!(said(&crawler), (None, Some(Tier::E), Some("as_number")), "the vendor's, and that is all");
    let webhook = case().remote("149.154.167.50", None).asked_by_the_far_end().identify();
    assert_eq!(said(&webhook), (None, Some(Tier::E), Some("address_prefix")));
    let asked = case()
        .remote("203.0.113.1", Some(714))
        .name(NameOrigin::TlsSni, "www.icloud.com")
        .asked_by_the_far_end();
    assert_eq!(said(&asked.identify()).0, Some("apple"), "a name in it still does");
}

#[test]
fn an_as_that_never_answered_names_nothing_and_a_prefix_does() {
    let unanswered = |addr, asn| {
        let mut case = case().remote(addr, asn);
        case.unanswered = true;
        case.identify()
    };
    let sent_there_by_a_lie = unanswered("199.59.148.229", Some(13414));
    assert_eq!(said(&sent_there_by_a_lie), (None, Some(Tier::E), Some("as_number")));
    let dialled = unanswered("149.154.167.50", Some(62041));
    assert_eq!(said(&dialled).0, Some("telegram"), "its client has the addresses built in");
}

#[test]
fn from_within_a_network_its_machines_are_no_service() {
    let mut neighbour = case().remote("17.2.0.122", Some(714));
    neighbour.inside = true;
    assert_eq!(said(&neighbour.identify()), (None, Some(Tier::E), Some("as_number")));
    let mut named = case().remote("17.2.0.122", Some(714)).name(NameOrigin::TlsSni, "www.icloud.com");
    named.inside = true;
    assert_eq!(said(&named.identify()).0, Some("apple"));
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
    let own = case().remote("203.0.113.9", Some(32934));
    assert_eq!(own.identify().tier, Some(Tier::E));
    assert_eq!(case().remote("203.0.113.9", Some(32934)).shared().identify().tier, Some(Tier::F));
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
