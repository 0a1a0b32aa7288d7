//! Countries, the roles in which a remote is "in" one, and answers with their sources.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An ISO 3166-1 alpha-2 code, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// Takes two ASCII letters of either case. `UK` becomes `GB`; codes of databases that name no country (`EU`, `AP`, `XX`,
    /// `ZZ`, `AN`, `CS`…) give `None`. The user-assigned `AA` and `QM` to `QZ` pass: they are for private use (ISO 3166-1).
    pub fn parse(text: &str) -> Option<Self> {
        let [a, b] = text.as_bytes() else { return None };
        if !a.is_ascii_alphabetic() || !b.is_ascii_alphabetic() {
            return None;
        }
        match [a.to_ascii_uppercase(), b.to_ascii_uppercase()] {
            [b'U', b'K'] => Some(Self(*b"GB")),
            [b'E', b'U'] | [b'A', b'P' | b'N' | b'A'] | [b'C', b'S'] | [b'N', b'T'] | [b'Z', b'Z'] => None,
            // Kosovo's XK is user-assigned but in general use; the rest of X* is not.
            [b'X', second] if second != b'K' => None,
            code => Some(Self(code)),
        }
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl From<CountryCode> for String {
    fn from(code: CountryCode) -> Self {
        code.as_str().to_owned()
    }
}

impl TryFrom<String> for CountryCode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no country code"))
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In which sense a remote is "in" a country. Never mixed in one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Where the machine stands.
    Server,
    /// Where the address block, or failing that the AS, is registered.
    Registrant,
    /// Where the company that runs the network sits.
    Operator,
    /// Where its ultimate parent sits.
    Owner,
    /// Where the application's vendor sits.
    Vendor,
}

impl Role {
    /// The four roles of an address, in the order in which they are shown.
    pub const OF_ADDRESS: [Self; 4] = [Self::Server, Self::Registrant, Self::Operator, Self::Owner];

    /// The lower-case word used in config and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Registrant => "registrant",
            Self::Operator => "operator",
            Self::Owner => "owner",
            Self::Vendor => "vendor",
        }
    }

    /// The role of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Server, Self::Registrant, Self::Operator, Self::Owner, Self::Vendor]
            .into_iter()
            .find(|r| r.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How much an answer can carry. Only `High` and `Medium` ever support a *match*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Certainty {
    /// Nothing is known, or the question has no meaning (a private address).
    #[default]
    Unknown,
    /// Sources disagree, or the address is anycast: the country shown is not to be relied on.
    Disputed,
    /// One weak source, or a fact without a source.
    Low,
    /// One good source.
    Medium,
    /// Two independent sources, or one authoritative.
    High,
}

impl Certainty {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Disputed => "disputed",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What one source says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The source's short name (`dbip`, `ipfire`, `rir`, `operators`, an admin's file name…).
    pub source: Arc<str>,
    /// The country it names; `None` when it has no answer.
    pub country: Option<CountryCode>,
    /// Date of its data (ISO 8601), as far as known.
    pub date: Option<Arc<str>>,
    /// The round trip to the machine is too short for it to stand there.
    #[serde(default)]
    pub refuted: bool,
}

/// The answer to one role's question.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoleAnswer {
    /// The country concluded; under `Disputed` the first source's.
    pub country: Option<CountryCode>,
    /// How sure.
    pub certainty: Certainty,
    /// All sources that were asked, in order of precedence.
    pub claims: Arc<[Claim]>,
    /// One sentence where the answer needs it ("anycast: location is not meaningful").
    pub note: Option<Arc<str>>,
}

/// The answers for one address, by role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoleAnswers {
    /// Where the machine stands.
    pub server: RoleAnswer,
    /// Where the block is registered.
    pub registrant: RoleAnswer,
    /// Where the operator sits.
    pub operator: RoleAnswer,
    /// Where its ultimate parent sits.
    pub owner: RoleAnswer,
}

impl RoleAnswers {
    /// The answer for `role`; `None` for [`Role::Vendor`], which belongs to the application, not the address.
    pub fn get(&self, role: Role) -> Option<&RoleAnswer> {
        Some(match role {
            Role::Server => &self.server,
            Role::Registrant => &self.registrant,
            Role::Operator => &self.operator,
            Role::Owner => &self.owner,
            Role::Vendor => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_name_no_country_are_refused() {
        assert_eq!(CountryCode::parse("cn").unwrap().as_str(), "CN");
        assert_eq!(CountryCode::parse("UK").unwrap().as_str(), "GB");
        for none in ["EU", "AP", "ZZ", "XX", "-", "", "USA", "1A"] {
            assert!(CountryCode::parse(none).is_none(), "{none}");
        }
    }
}
