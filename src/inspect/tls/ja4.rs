//! JA4, the TLS client fingerprint (the BSD-licensed one of the JA4 family; FoxIO, "JA4 technical details").

use std::fmt::Write as _;

use ring::digest;

use super::client_hello::{Hello, is_grease, newness};

/// The fingerprint, for a transport letter `t`, `q` or `d`.
pub(super) fn fingerprint(hello: &Hello<'_>, transport: char) -> String {
    let ciphers: Vec<u16> = hello.ciphers.iter().copied().filter(|c| !is_grease(*c)).collect();
    let extensions: Vec<u16> = hello.extensions.iter().copied().filter(|e| !is_grease(*e)).collect();
    let version =
        hello.supported_versions.iter().copied().filter(|v| !is_grease(*v)).max_by_key(|v| newness(*v));
    let mut text = String::with_capacity(36);
    let _ = write!(
        text,
        "{transport}{}{}{:02}{:02}{}_",
        version_code(version.unwrap_or(hello.legacy_version)),
        if hello.extensions.contains(&0) { 'd' } else { 'i' },
        ciphers.len().min(99),
        extensions.len().min(99),
        alpn_code(hello.alpn.first().copied().unwrap_or_default()),
    );
    text.push_str(&short_hash(&sorted_hex(ciphers)));
    text.push('_');
    let mut rest = sorted_hex(extensions.into_iter().filter(|e| ![0, 16].contains(e)).collect());
    if !hello.signature_algorithms.is_empty() {
        let in_order =
            hello.signature_algorithms.iter().copied().filter(|a| !is_grease(*a)).collect::<Vec<_>>();
        let _ = write!(rest, "_{}", hex_list(&in_order));
    }
    text.push_str(&short_hash(&rest));
    text
}

fn version_code(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first ALPN value; of its hexadecimal form when either is not alphanumeric.
fn alpn_code(alpn: &[u8]) -> String {
    let (Some(&first), Some(&last)) = (alpn.first(), alpn.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)].iter().collect();
    }
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 15)].iter().collect()
}

fn sorted_hex(mut numbers: Vec<u16>) -> String {
    numbers.sort_unstable();
    hex_list(&numbers)
}

fn hex_list(numbers: &[u16]) -> String {
    let list: Vec<String> = numbers.iter().map(|n| format!("{n:04x}")).collect();
    list.join(",")
}

/// The first twelve digits of SHA-256; zeros for nothing.
fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().take(6).fold(String::with_capacity(12), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpn_marks_follow_the_description() {
        for (alpn, want) in [
            (&b"h2"[..], "h2"),
            (b"http/1.1", "h1"),
            (b"h", "hh"),
            (b"", "00"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"0\xab", "3b"),
            (b"01\xab\xcd", "3d"),
            (b"0\xab\xcd1", "01"),
        ] {
            assert_eq!(alpn_code(alpn), want);
        }
    }

    #[test]
    fn the_example_of_the_description_comes_out() {
        let hello = Hello {
            legacy_version: 0x0303,
            ciphers: vec![
                0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x0a0a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x1a1a,
            ],
            alpn: vec![b"h2", b"http/1.1"],
            supported_versions: vec![0x1a1a, 0x0304, 0x0303],
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            ..Hello::default()
        };
        assert_eq!(fingerprint(&hello, 't'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }
}
