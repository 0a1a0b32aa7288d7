//! Fixed words (`tls_sni`, `private-use`…) that come back from storage.
//!
//! In memory such a word is a `&'static str`. A stored one may be of an earlier version of the program, so it cannot
//! always be found among today's; it is kept for the life of the process instead. How many are kept is bounded, for a
//! damaged or hostile store must not cost memory: beyond [`MOST`] every new one becomes [`OTHER`].

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serializer};

/// A word. (By a name of its own because serde takes a plain `&'static str` for something borrowed from its input.)
pub type Word = &'static str;

/// Different words kept; the program itself has about a hundred.
const MOST: usize = 512;
/// Bytes of a word; its own are shorter than half of this.
const LONGEST: usize = 64;
/// What stands for a word that is not kept.
const OTHER: &str = "other";

static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The word as a constant. One that is too long, has other characters than `a-z 0-9 _ - /` and blank, or is one too
/// many becomes `other`.
pub(super) fn keep(word: &str) -> &'static str {
    let plain =
        |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'/' | b'.' | b' ');
    if word.len() > LONGEST || !word.bytes().all(plain) {
        return OTHER;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(word) {
        return known;
    }
    if kept.len() >= MOST {
        return OTHER;
    }
    let constant: &'static str = Box::leak(word.to_owned().into_boxed_str());
    kept.insert(constant);
    constant
}

/// For `#[serde(with)]` on a word.
pub(super) fn serialize<S: Serializer>(word: &'static str, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(word)
}

/// For `#[serde(with)]` on a word.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<&'static str, D::Error> {
    String::deserialize(d).map(|word| keep(&word))
}

/// For `#[serde(with)]` on a word that may be absent.
pub(super) mod optional {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// For `#[serde(with)]`.
    #[allow(
        clippy::ref_option,
        clippy::ref_option_ref,
        reason = "the signature that serde's `with` asks for"
    )]
    pub(in crate::model) fn serialize<S: Serializer>(
        word: &Option<&'static str>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        word.serialize(s)
    }

    /// For `#[serde(with)]`.
    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<&'static str>, D::Error> {
        Ok(Option::<String>::deserialize(d)?.map(|word| super::keep(&word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_word_is_kept_once_and_a_harmful_one_not_at_all() {
        let first = keep("tls_sni");
        assert!(std::ptr::eq(first, keep("tls_sni")));
        assert_eq!(keep("\u{1b}[31m"), OTHER);
        assert_eq!(keep(&"a".repeat(65)), OTHER);
    }
}
