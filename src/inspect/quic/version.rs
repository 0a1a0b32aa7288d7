//! Versions of QUIC, and the salts that their Initial keys are derived with.

/// What is particular about a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// As on the wire.
    pub(super) number: u32,
    /// Salt of the Initial secret.
    pub(super) salt: &'static [u8; 20],
    /// Labels "quicv2 …" and other packet type numbers (RFC 9369).
    pub(super) second: bool,
    /// The handshake is Google's CHLO, not TLS.
    pub(super) google_crypto: bool,
}

/// draft-ietf-quic-tls-22 §5.2.
const DRAFT_22: [u8; 20] =
    *b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a";
/// draft-ietf-quic-tls-23 §5.2, until draft 28.
const DRAFT_23: [u8; 20] =
    *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02";
/// draft-ietf-quic-tls-29 §5.2, until draft 32.
const DRAFT_29: [u8; 20] =
    *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
/// RFC 9001 §5.2, since draft 33.
const V1: [u8; 20] = *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
/// RFC 9369 §3.3.1.
const V2: [u8; 20] = *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
/// Google's Q050, as public dissectors know it.
const Q050: [u8; 20] = *b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45";
/// Google's T050.
const T050: [u8; 20] = *b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10";
/// Google's T051.
const T051: [u8; 20] = *b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d";

impl Version {
    /// The version of that number, if its Initial packets can be read.
    pub(super) fn known(number: u32) -> Option<Self> {
        let salt = match number {
            0x0000_0001 | 0xff00_0021 | 0xff00_0022 => &V1,
            0x6b33_43cf => &V2,
            0xff00_001d..=0xff00_0020 => &DRAFT_29,
            // mvfst: its first build followed draft 22, later ones draft 27.
            0xff00_0017..=0xff00_001c | 0xface_b002..=0xface_b00f => &DRAFT_23,
            0xff00_0015 | 0xff00_0016 | 0xface_b001 => &DRAFT_22,
            0x5130_3530 => &Q050,
            0x5430_3530 => &T050,
            0x5430_3531 => &T051,
            _ => return None,
        };
        Some(Self { number, salt, second: number == 0x6b33_43cf, google_crypto: number == 0x5130_3530 })
    }

    /// The packet type bits of an Initial (RFC 9000 §17.2.2, RFC 9369 §3.2).
    pub(super) fn initial_type(self) -> u8 {
        u8::from(self.second)
    }
}
