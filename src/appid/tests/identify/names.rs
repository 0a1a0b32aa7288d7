//! Names: those in the flow, those that were looked up, covers, and what contradicts them.

use super::*;

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
