//! Connections with prior knowledge, from hand-built frames.

use crate::inspect::Progress;
use crate::inspect::tests::Flow;
use crate::model::NameOrigin;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// Preface, SETTINGS, and a request in a padded HEADERS frame with priority, and its CONTINUATION.
pub(in crate::inspect) fn request() -> Vec<u8> {
    let block = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\x7a\x04curl";
    let (head, tail) = block.split_at(9);
    let headers = [&[3][..], &[0, 0, 0, 0, 16], head, &[0; 3]].concat();
    [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &frame(4, 0, &[0, 3, 0, 0, 0, 100]),
        &frame(1, 0x28, &headers),
        &frame(9, 4, tail),
    ]
    .concat()
}

#[test]
fn the_authority_is_read_however_the_stream_is_cut() {
    let bytes = request();
    for cut in 1..bytes.len() {
        let mut flow = Flow::tcp();
        let (first, second) = bytes.split_at(cut);
        assert_eq!(flow.put(true, Some(1), first), Progress::Wanted, "{cut}");
        assert_eq!(flow.put(true, Some(1 + u32::try_from(cut).unwrap()), second), Progress::Settled, "{cut}");
        assert_eq!(flow.names(), [("www.example.com", NameOrigin::Http2Authority)]);
        assert_eq!(flow.facts.user_agent.as_deref(), Some("curl"));
        assert_eq!(flow.facts.protocol, Some("http"));
    }
}

#[test]
fn a_block_without_end_is_read_as_far_as_the_limit() {
    let mut block = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff".to_vec();
    block.resize(super::MAX_BLOCK + 1, 0x82);
    let bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(1, 0, &block)].concat();
    let mut flow = Flow::tcp();
    flow.put(true, Some(1), b"");
    assert_eq!(flow.put(true, Some(1), &bytes), Progress::Settled, "no CONTINUATION is waited for");
    assert_eq!(flow.names(), [("www.example.com", NameOrigin::Http2Authority)]);
}
