//! Initial keys (RFC 9001 §5.2) and the removal of both protections (§5.3, §5.4).

use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;

use super::packet::Initial;
use super::version::Version;

/// The client's keys for one connection id.
pub(super) struct InitialKeys {
    version: u32,
    key: LessSafeKey,
    iv: [u8; 12],
    header: HeaderProtectionKey,
}

impl std::fmt::Debug for InitialKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InitialKeys").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Lengths that HKDF is asked for.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &hkdf::Prk, label: &str) -> Option<[u8; N]> {
    let full = format!("tls13 {label}");
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(full.len()).ok()?];
    let info = [&length[..], &label_length, full.as_bytes(), &[0]];
    let mut out = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

impl InitialKeys {
    /// Derives the client's keys from the destination connection id of its first packet.
    pub(super) fn derive(version: Version, destination_id: &[u8]) -> Option<Self> {
        let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, version.salt).extract(destination_id);
        let client: [u8; 32] = expand(&initial, "client in")?;
        let client = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &client);
        let [key, iv, header] = if version.second {
            ["quicv2 key", "quicv2 iv", "quicv2 hp"]
        } else {
            ["quic key", "quic iv", "quic hp"]
        };
        let key: [u8; 16] = expand(&client, key)?;
        let header: [u8; 16] = expand(&client, header)?;
        Some(Self {
            version: version.number,
            key: LessSafeKey::new(UnboundKey::new(&aead::AES_128_GCM, &key).ok()?),
            iv: expand(&client, iv)?,
            header: HeaderProtectionKey::new(&AES_128, &header).ok()?,
        })
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// The payload of a packet, if these are its keys.
    pub(super) fn open(&self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        let at = packet.number_at;
        // The sample is taken as if the packet number had four bytes.
        let sample = packet.bytes.get(at + 4..at + 20)?;
        let [mask, pad @ ..] = self.header.new_mask(sample).ok()?;
        let mut bytes = packet.bytes.to_vec();
        let first = bytes.first_mut()?;
        *first ^= mask & 0x0f;
        let number_length = usize::from(*first & 3) + 1;
        let mut number: u32 = 0;
        for (byte, mask) in bytes.get_mut(at..at + number_length)?.iter_mut().zip(pad) {
            *byte ^= mask;
            number = number << 8 | u32::from(*byte);
        }
        // A client's first packets have small numbers: the truncated one is the whole one.
        let mut nonce = self.iv;
        for (n, byte) in nonce.iter_mut().skip(8).zip(number.to_be_bytes()) {
            *n ^= byte;
        }
        let (header, payload) = bytes.split_at_mut_checked(at + number_length)?;
        let aad = Aad::from(header.to_vec());
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, payload).ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
impl InitialKeys {
    /// Seals a packet as a client would: `header` ends with a packet number of four bytes.
    pub(super) fn seal(&self, header: &[u8], plain: &[u8]) -> Vec<u8> {
        let (start, number) = header.split_at(header.len() - 4);
        let number = u32::from_be_bytes(number.try_into().unwrap());
        let mut nonce = self.iv;
        for (byte, n) in nonce[8..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= n;
        }
        let mut sealed = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).unwrap();
        let mask = self.header.new_mask(&sealed[..16]).unwrap();
        let mut packet = start.to_vec();
        packet[0] ^= mask[0] & 0x0f;
        packet.extend(number.to_be_bytes().iter().zip(&mask[1..]).map(|(n, m)| n ^ m));
        packet.extend(sealed);
        packet
    }
}
