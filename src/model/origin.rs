//! Who on the host made a flow: a process or an application package, as the capture or the host itself says.
//!
//! Names come from files and from other processes, so they are bounded and safe to print from construction on, like
//! [`super::HostName`]; unlike it they keep their case and the letters of other scripts, for that is how people know
//! them. What a name *means* (which application of the catalogue) is concluded elsewhere.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who told of the process or package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OriginSource {
    /// PCAPdroid's trailer behind each frame of a pcap file.
    PcapdroidTrailer,
    /// PCAPdroid's custom blocks and comments in a pcapng file.
    PcapdroidBlock,
    /// Apple's PKTAP header.
    Pktap,
    /// Apple's process blocks in a pcapng file.
    AppleBlock,
    /// Process information of a pcapng file (as Wireshark writes it).
    ProcessBlock,
    /// The user of a netfilter log message: the owner of the socket.
    Nflog,
    /// This host's own socket table and `/proc`.
    Socket,
}

impl OriginSource {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PcapdroidTrailer => "pcapdroid_trailer",
            Self::PcapdroidBlock => "pcapdroid_block",
            Self::Pktap => "pktap",
            Self::AppleBlock => "apple_block",
            Self::ProcessBlock => "process_block",
            Self::Nflog => "nflog",
            Self::Socket => "socket",
        }
    }

    /// Whether its user ids are Android's, where an application is a user.
    pub const fn is_android(self) -> bool {
        matches!(self, Self::PcapdroidTrailer | Self::PcapdroidBlock)
    }
}

/// The maker of a flow, as far as its source knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessRef {
    /// Process or application name for people (`curl`, `WeChat`).
    pub name: Option<Label>,
    /// Android package (`com.tencent.mm`), only where it is a single one.
    pub package: Option<Label>,
    /// Process id.
    pub pid: Option<u32>,
    /// User id; on Android it stands for an application, see [`AndroidUid`].
    pub uid: Option<u32>,
    /// Path of the executable.
    pub executable: Option<Label>,
    /// Container or control group that the process is in.
    pub container: Option<Label>,
    /// Who told.
    pub source: OriginSource,
}

impl ProcessRef {
    /// One of which only the source is known.
    pub const fn unknown(source: OriginSource) -> Self {
        Self { name: None, package: None, pid: None, uid: None, executable: None, container: None, source }
    }

    /// Whether it says anything at all.
    pub const fn says_anything(&self) -> bool {
        self.name.is_some()
            || self.package.is_some()
            || self.pid.is_some()
            || self.uid.is_some()
            || self.executable.is_some()
            || self.container.is_some()
    }

    /// Its user id as Android reads it; `None` where the id is another system's.
    pub fn android(&self) -> Option<AndroidUid> {
        self.uid.filter(|_| self.source.is_android()).map(AndroidUid::of)
    }

    /// The best name for people: name, else package, else executable.
    pub fn label(&self) -> Option<&Label> {
        self.name.as_ref().or(self.package.as_ref()).or(self.executable.as_ref())
    }
}

/// An Android user id, taken apart (AOSP `UserHandle` and `android_filesystem_config.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AndroidUid {
    /// Which of the device's users: 0 is its owner; work profiles and dual apps have others.
    pub user: u32,
    /// The application within that user.
    pub app: u32,
}

impl AndroidUid {
    const PER_USER: u32 = 100_000;
    const FIRST_APPLICATION: u32 = 10_000;
    const LAST_APPLICATION: u32 = 19_999;

    /// Takes a user id apart.
    pub const fn of(uid: u32) -> Self {
        Self { user: uid / Self::PER_USER, app: uid % Self::PER_USER }
    }

    /// Whether it is an installed application's; all else is the system's, or a sandbox without a package of its own.
    pub const fn is_application(self) -> bool {
        self.app >= Self::FIRST_APPLICATION && self.app <= Self::LAST_APPLICATION
    }
}

/// A bounded text that is safe to print: ASCII and letters and digits of scripts that run from left to right stay; the
/// backslash and everything else (controls, marks that turn the direction, invisible characters, broken UTF-8) is
/// escaped as `\xNN` or `\u{…}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label(Arc<str>);

impl Label {
    /// Bytes taken of a name or a path; longer ones are cut, and `\+` marks the place.
    pub const MAX_BYTES: usize = 256;

    /// Scripts that run from right to left: in the middle of a line they would turn what stands beside them.
    const RIGHT_TO_LEFT: [(u32, u32); 5] =
        [(0x0590, 0x08ff), (0xfb1d, 0xfdff), (0xfe70, 0xfeff), (0x1_0800, 0x1_0fff), (0x1_e800, 0x1_efff)];

    /// From bytes up to the first NUL, without blanks at the ends; `None` when nothing is left.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let text = bytes.split(|b| *b == 0).next().unwrap_or_default().trim_ascii();
        let (text, cut) = match text.get(..Self::MAX_BYTES) {
            Some(start) if text.len() > Self::MAX_BYTES => (start, true),
            _ => (text, false),
        };
        if text.is_empty() {
            return None;
        }
        let mut safe = String::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            for letter in chunk.valid().chars() {
                Self::push(&mut safe, letter);
            }
            for byte in chunk.invalid() {
                let _ = write!(safe, "\\x{byte:02x}");
            }
        }
        if cut {
            safe.push_str("\\+");
        }
        Some(Self(safe.into()))
    }

    fn push(safe: &mut String, letter: char) {
        let code = u32::from(letter);
        let turned = Self::RIGHT_TO_LEFT.iter().any(|(first, last)| (*first..=*last).contains(&code));
        if letter != '\\' && (letter == ' ' || letter.is_ascii_graphic()) {
            safe.push(letter);
        } else if letter.is_ascii() {
            let _ = write!(safe, "\\x{code:02x}");
        } else if letter.is_alphanumeric() && !turned {
            safe.push(letter);
        } else {
            let _ = write!(safe, "\\u{{{code:x}}}");
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label(text: &[u8]) -> String {
        Label::new(text).unwrap().to_string()
    }

    #[test]
    fn names_keep_case_and_the_letters_of_other_scripts() {
        assert_eq!(label("WeChat 微信".as_bytes()), "WeChat 微信");
        assert_eq!(label(b"com.tencent.mm\0\0rest"), "com.tencent.mm");
        assert_eq!(label(b"  Google Play "), "Google Play");
        assert_eq!(Label::new(b"\0"), None);
        assert_eq!(Label::new(b"  "), None);
    }

    #[test]
    fn what_could_fool_a_reader_is_escaped() {
        assert_eq!(label(b"a\x1b[31mb"), "a\\x1b[31mb");
        assert_eq!(label(b"a\\b"), "a\\x5cb");
        assert_eq!(label("x\u{202e}gpj".as_bytes()), "x\\u{202e}gpj");
        assert_eq!(label("a\u{200b}b".as_bytes()), "a\\u{200b}b");
        assert_eq!(label("שלום".as_bytes()), "\\u{5e9}\\u{5dc}\\u{5d5}\\u{5dd}");
        assert_eq!(label(b"a\xffb"), "a\\xffb");
        assert!(label(&[b'a'; 300]).ends_with("a\\+"));
    }

    #[test]
    fn an_android_uid_is_a_user_and_an_application() {
        let dual = AndroidUid::of(1_010_227);
        assert_eq!((dual.user, dual.app), (10, 10_227));
        assert!(dual.is_application());
        assert!(!AndroidUid::of(1_000).is_application());
        assert!(!AndroidUid::of(1_001_000).is_application());
        // Isolated processes have ids of no package.
        assert!(!AndroidUid::of(99_001).is_application());
    }

    #[test]
    fn only_android_sources_have_android_uids() {
        let mut origin = ProcessRef::unknown(OriginSource::Nflog);
        assert!(!origin.says_anything());
        origin.uid = Some(10_227);
        assert!(origin.says_anything());
        assert_eq!(origin.android(), None);
        origin.source = OriginSource::PcapdroidTrailer;
        assert_eq!(origin.android(), Some(AndroidUid { user: 0, app: 10_227 }));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_bounded_label_without_controls(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Some(label) = Label::new(&bytes) {
                let text = label.as_str();
                prop_assert!(!text.is_empty() && text.len() <= Label::MAX_BYTES * 10);
                let harmless = |c: char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c);
                prop_assert!(text.chars().all(harmless));
            }
        }
    }
}
