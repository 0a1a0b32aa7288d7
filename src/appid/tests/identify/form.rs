//! Whatever is asked, the answer is well formed.

use proptest::prelude::*;

use super::*;

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
