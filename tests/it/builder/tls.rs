//! TLS: ClientHello messages (RFC 5246, RFC 8446), records, and what follows them.

use super::{be16, be24, noise, vec8, vec16};

/// What a hello says of Encrypted Client Hello (RFC 9849).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ech {
    None,
    /// An extension that means nothing; the name is the true one.
    Grease,
    /// The name is a cover; the true one is inside. Both look the same on the wire.
    Real,
}

/// A ClientHello to be.
#[derive(Debug, Clone)]
pub(crate) struct Hello {
    name: Option<Vec<u8>>,
    tls13: bool,
    ech: Ech,
    post_quantum: bool,
    alpn: Vec<&'static [u8]>,
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vec16(data)].concat()
}

impl Hello {
    /// A TLS 1.3 hello that asks for `name`.
    pub(crate) fn to(name: &str) -> Self {
        Self::to_bytes(name.as_bytes())
    }

    /// The same for a name that may be anything.
    pub(crate) fn to_bytes(name: &[u8]) -> Self {
        Self {
            name: Some(name.to_vec()),
            tls13: true,
            ech: Ech::None,
            post_quantum: false,
            alpn: vec![b"h2", b"http/1.1"],
        }
    }

    /// Without a name.
    pub(crate) fn nameless() -> Self {
        Self { name: None, ..Self::to("") }
    }

    /// TLS 1.2 only.
    pub(crate) fn tls12(self) -> Self {
        Self { tls13: false, ..self }
    }

    pub(crate) fn ech(self, ech: Ech) -> Self {
        Self { ech, ..self }
    }

    /// With a key share of X25519MLKEM768, which makes it longer than one segment.
    pub(crate) fn post_quantum(self) -> Self {
        Self { post_quantum: true, ..self }
    }

    /// For HTTP/3.
    pub(crate) fn h3(self) -> Self {
        Self { alpn: vec![b"h3"], ..self }
    }

    /// The handshake message.
    pub(crate) fn message(&self) -> Vec<u8> {
        let ciphers: &[u8] = if self.tls13 {
            &[0x1a, 0x1a, 0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f]
        } else {
            &[0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0x00, 0x9c, 0x00, 0x2f]
        };
        let mut extensions = Vec::new();
        // The key share stands before the name: a long one pushes the name into the second segment.
        if self.tls13 {
            extensions.extend(extension(51, &vec16(&self.key_shares())));
        }
        if let Some(name) = &self.name {
            extensions.extend(extension(0, &vec16(&[&[0][..], &vec16(name)].concat())));
        }
        extensions.extend(extension(10, &vec16(&[0x11, 0xec, 0, 0x1d, 0, 0x17])));
        extensions.extend(extension(13, &vec16(&[4, 3, 8, 4, 4, 1, 5, 3])));
        let alpn: Vec<u8> = self.alpn.iter().flat_map(|a| vec8(a)).collect();
        extensions.extend(extension(16, &vec16(&alpn)));
        if self.tls13 {
            extensions.extend(extension(43, &vec8(&[0x7a, 0x7a, 3, 4, 3, 3])));
        }
        if self.ech != Ech::None {
            extensions.extend(extension(0xfe0d, &self.outer()));
        }
        let session = noise(2, 32);
        let body =
            [&[3, 3][..], &noise(1, 32), &vec8(&session), &vec16(ciphers), &vec8(&[0]), &vec16(&extensions)]
                .concat();
        [&[1][..], &be24(body.len()), &body].concat()
    }

    fn key_shares(&self) -> Vec<u8> {
        let x25519 = [&[0, 0x1d][..], &vec16(&noise(3, 32))].concat();
        if !self.post_quantum {
            return x25519;
        }
        // ML-KEM-768's encapsulation key and an X25519 share: 1184 + 32 bytes.
        [&[0x11, 0xec][..], &vec16(&noise(4, 1216)), &x25519].concat()
    }

    /// The "outer" form of the extension: cipher suite, configuration id, encapsulated key, encrypted hello.
    fn outer(&self) -> Vec<u8> {
        let config = if self.ech == Ech::Grease { 0x5a } else { 0x01 };
        [&[0, 0, 1, 0, 1, config][..], &vec16(&noise(5, 32)), &vec16(&noise(6, 208))].concat()
    }
}

/// A handshake message in records of the given lengths, the last repeated; one record if none is given.
pub(crate) fn records(message: &[u8], lengths: &[usize]) -> Vec<u8> {
    let (mut rest, mut out, mut turn) = (message, Vec::new(), 0);
    while !rest.is_empty() {
        let want = lengths.get(turn).or(lengths.last()).copied().unwrap_or(16_384);
        let (part, after) = rest.split_at(want.min(rest.len()));
        out.extend([22, 3, 1]);
        out.extend(vec16(part));
        (rest, turn) = (after, turn + 1);
    }
    out
}

/// The server's answer: ServerHello, and the encrypted rest of its flight.
pub(crate) fn server_flight() -> Vec<u8> {
    let extensions =
        [extension(43, &[3, 4]), extension(51, &[&[0, 0x1d][..], &vec16(&noise(7, 32))].concat())];
    let body =
        [&[3, 3][..], &noise(8, 32), &vec8(&noise(2, 32)), &[0x13, 0x01, 0], &vec16(&extensions.concat())]
            .concat();
    let hello = [&[2][..], &be24(body.len()), &body].concat();
    [&[22, 3, 3][..], &vec16(&hello), &application_data(9, 900)].concat()
}

/// `count` octets of records that only the two ends can read (the last record may be a little longer).
pub(crate) fn application_data(seed: u64, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while out.len() < count {
        let length = (count - out.len()).saturating_sub(5).clamp(17, 8192);
        out.extend([23, 3, 3]);
        out.extend(be16(length));
        out.extend(noise(seed.wrapping_add(out.len() as u64), length));
    }
    out
}
