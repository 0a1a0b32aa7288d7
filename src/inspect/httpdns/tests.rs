//! Requests and responses in whole flows; no id is kept; no body breaks a reader.

use std::io::Read as _;

use proptest::prelude::*;

use super::*;
use crate::inspect::tests::Flow;
use crate::model::{LookupVia, Protocol};

fn get(host: &str, target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\n\r\n").into_bytes()
}

fn ok(body: &[u8], extra: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{extra}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A connection to `server` on which questions and answers alternate.
fn talk(server: &str, said: &[(Vec<u8>, Vec<u8>)]) -> Flow {
    let mut flow = Flow::new(Protocol::TCP, "10.0.0.1:40000", server);
    flow.put(true, Some(1), b"");
    flow.put(false, Some(1), b"");
    let (mut up, mut down) = (1, 1);
    for (question, answer) in said {
        flow.put(true, Some(up), question);
        flow.put(false, Some(down), answer);
        up += u32::try_from(question.len()).unwrap();
        down += u32::try_from(answer.len()).unwrap();
    }
    flow
}

fn learned(flow: &Flow) -> Vec<String> {
    let each = flow.dns.iter().map(|seen| {
        assert_eq!(seen.via, LookupVia::Httpdns);
        assert_eq!(seen.client.to_string(), "10.0.0.1");
        let addresses: Vec<String> = seen.answers.iter().map(|a| format!("{}/{}", a.addr, a.ttl)).collect();
        format!("{} {}", seen.question, addresses.join(" "))
    });
    each.collect()
}

#[test]
fn a_bare_list_belongs_to_the_question_before_it() {
    let flow = talk(
        "119.29.29.29:80",
        &[
            (get("119.29.29.29", "/d?dn=a.example.com"), ok(b"192.0.2.7;192.0.2.8", "")),
            (get("119.29.29.29", "/d?dn=b.example.com&ttl=1"), ok(b"192.0.2.9,120", "")),
        ],
    );
    assert_eq!(learned(&flow), ["a.example.com 192.0.2.7/60 192.0.2.8/60", "b.example.com 192.0.2.9/120"]);
    let fact = flow.facts.httpdns.unwrap();
    assert_eq!((&*fact.service, fact.lookups, fact.answers), ("tencent", 2, 2));
    assert_eq!(flow.facts.names[0].name.as_str(), "119.29.29.29", "what HTTP says is kept too");
}

#[test]
fn json_is_read_and_what_was_not_asked_is_not_believed() {
    let body = br#"{"ips":["192.0.2.1","192.0.2.2"],"host":"a.example.com","ttl":90,"origin_ttl":600}"#;
    let flow = talk(
        "203.107.1.65:80",
        &[(get("203.107.1.65", "/164566/sign_d?host=a.example.com&s=1"), ok(body, ""))],
    );
    assert_eq!(learned(&flow), ["a.example.com 192.0.2.1/90 192.0.2.2/90"]);
    let other =
        talk("203.107.1.65:80", &[(get("203.107.1.65", "/164566/d?host=b.example.com"), ok(body, ""))]);
    assert!(learned(&other).is_empty());
    assert_eq!(other.facts.httpdns.unwrap().answers, 0);
    let many = br#"{"dns":[{"host":"a.example.com","ips":["192.0.2.1"]},{"host":"c.example.com","ips":["::1","x"]}]}"#;
    let flow = talk(
        "203.107.1.65:80",
        &[(get("203.107.1.65", "/1/resolve?host=a.example.com,c.example.com"), ok(many, ""))],
    );
    assert_eq!(learned(&flow), ["a.example.com 192.0.2.1/60", "c.example.com ::1/60"]);
    let doh = br#"{"Status":0,"Answer":[{"name":"a.example.com.","type":1,"TTL":300,"data":"192.0.2.5"}]}"#;
    let flow = talk("8.8.8.8:80", &[(get("dns.google", "/resolve?name=a.example.com"), ok(doh, ""))]);
    assert_eq!(learned(&flow), ["a.example.com 192.0.2.5/300"]);
}

#[test]
fn wechats_xml_is_read_also_deflated() {
    let body = b"<?xml version=\"1.0\"?><dns><domainlist><domain name=\"a.weixin.qq.com\" timeout=\"1800\"><ip>192.0.2.3</ip>\
        <ip>192.0.2.4</ip></domain></domainlist></dns>";
    let ask = get("dns.weixin.qq.com", "/cgi-bin/micromsg-bin/newgetdns?uin=1234567890&clientversion=1");
    let flow = talk("192.0.2.80:8080", &[(ask.clone(), ok(body, ""))]);
    assert_eq!(learned(&flow), ["a.weixin.qq.com 192.0.2.3/1800 192.0.2.4/1800"]);
    let mut packer = flate2::read::DeflateEncoder::new(&body[..], flate2::Compression::fast());
    let mut packed = Vec::new();
    std::io::Read::read_to_end(&mut packer, &mut packed).unwrap();
    let flow = talk("192.0.2.80:8080", &[(ask, ok(&packed, "Content-Encoding: deflate\r\n"))]);
    assert_eq!(learned(&flow).len(), 1);
}

#[test]
fn no_id_of_a_request_or_response_is_kept() {
    const CANARY: &str = "777000777";
    let ask =
        get("dns.weixin.qq.com", &format!("/cgi-bin/micromsg-bin/newgetdns?uin={CANARY}&deviceid={CANARY}"));
    let answer = format!(
        "<dns><clientip>{CANARY}</clientip><domain name=\"a.qq.com\"><ip>192.0.2.1</ip></domain></dns>"
    );
    let flow = talk("192.0.2.80:80", &[(ask, ok(answer.as_bytes(), ""))]);
    assert_eq!(learned(&flow).len(), 1);
    assert!(!format!("{:?}{:?}", flow.facts, flow.dns).contains(CANARY));
    let ask = get("203.107.1.1", &format!("/{CANARY}/sign_d?host=a.example.com&sid={CANARY}&bssid={CANARY}"));
    let sealed = get("119.29.29.29", &format!("/d?dn={CANARY}abcdef0123&id={CANARY}"));
    for (server, ask) in [("203.107.1.1:80", ask), ("119.29.29.29:80", sealed)] {
        let flow = talk(server, &[(ask, ok(CANARY.as_bytes(), ""))]);
        assert!(flow.facts.httpdns.is_some());
        assert!(!format!("{:?}{:?}", flow.facts, flow.dns).contains(CANARY), "{server}");
    }
}

#[test]
fn an_answer_without_its_question_teaches_nothing_and_other_requests_are_left_to_http() {
    let mut flow = Flow::new(Protocol::TCP, "10.0.0.1:40000", "119.29.29.29:80");
    flow.put(false, Some(1), &ok(b"192.0.2.7", ""));
    assert!(flow.dns.is_empty());
    let plain =
        talk("192.0.2.1:80", &[(get("www.example.com", "/d?dn=a.example.com"), ok(b"192.0.2.7", ""))]);
    assert!(plain.facts.httpdns.is_none() && plain.dns.is_empty());
    assert_eq!(plain.facts.protocol, Some("http"));
    let page = talk("1.1.1.1:80", &[(get("1.1.1.1", "/index.html"), ok(b"hello", ""))]);
    assert!(page.facts.httpdns.is_none());
}

#[test]
fn a_body_that_unpacks_without_end_is_cut() {
    let mut packer =
        flate2::read::GzEncoder::new(std::io::repeat(b' ').take(20 << 20), flate2::Compression::best());
    let mut packed = Vec::new();
    std::io::Read::read_to_end(&mut packer, &mut packed).unwrap();
    let packed = packed.get(..16_000).unwrap_or(&packed);
    let out = answer::unpacked(packed, Some("gzip"));
    assert!(out.is_none_or(|out| out.len() <= 64 << 10));
}

#[test]
fn every_service_says_where_it_is_from_and_can_be_met() {
    assert!(service::all().len() >= 15);
    for service in service::all() {
        assert!(!service.name.is_empty() && !service.source.is_empty(), "{}", service.id);
        assert!(service.date.parse::<jiff::civil::Date>().is_ok(), "{}", service.id);
        assert!(!service.hosts.is_empty() || (!service.prefixes.is_empty() && !service.paths.is_empty()));
        for host in &service.hosts {
            let path = service.paths.first().map_or("/any", String::as_str);
            let met = service::of_request(&get(host, path), crate::inspect::tests::endpoint("192.0.2.1:80"));
            assert_eq!(met.map(|m| &m.id), Some(&service.id), "{host}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_break_a_reader(
        question in 0_usize..4, start in 0_usize..6, body in proptest::collection::vec(any::<u8>(), 0..400),
        packed in any::<bool>(),
    ) {
        let questions = ["/d?dn=a.example.com", "/d?dn=", "/d?dn=%2C,,;a..b", "/d"];
        let starts: [&[u8]; 6] = [b"", b"{\"host\":\"a.example.com\",\"ips\":[", b"[[[[[[[[", b"<domain name=\"a.b\"><ip>", b"192.0.2.1;", b"\x1f\x8b\x08"];
        let body = [starts[start], &body].concat();
        let answer = ok(&body, if packed { "Content-Encoding: deflate\r\n" } else { "" });
        let flow = talk("119.29.29.29:80", &[(get("119.29.29.29", questions[question]), answer)]);
        prop_assert!(flow.dns.len() <= 64);
    }
}
