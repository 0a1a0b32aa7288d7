//! The record schemas of the known vendors, read by one lenient structure in which every key is optional.
//!
//! | vendor | country | AS |
//! |---|---|---|
//! | MaxMind, DB-IP, IP2Location | `country.iso_code`, `registered_country.iso_code` | `autonomous_system_*`, top level or in `traits` |
//! | sapics | `country_code` | `autonomous_system_*` |
//! | IPinfo | `country_code` with the name in `country`; older: the code in `country` | `asn` as text `AS15169`, `as_name` or `name` |
//! | IPLocate | `country_code`; in its ASN file that is the AS's country | `asn` as number or text, `org` or `name` |
//! | whither | as MaxMind, and `ipfire`, `as_country` | as MaxMind |

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::CountryCode;

/// One source's word on where the machine stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The source's name in claims.
    pub source: Arc<str>,
    /// Whose measurement it is: two files of one family are one source.
    pub family: &'static str,
    /// Date of its data.
    pub date: Arc<str>,
    /// Where it says the machine stands.
    pub country: CountryCode,
}

/// All that one database says of an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Where the machine stands; two sources in whither's own database, else at most one.
    pub places: Vec<Place>,
    /// Where the block is registered, with source and date.
    pub registered: Option<(CountryCode, Arc<str>, Arc<str>)>,
    /// The AS that announces it.
    pub asn: Option<u32>,
    /// That AS's name.
    pub as_name: Option<Arc<str>>,
    /// Where that AS is registered, with source (as claims name it) and date.
    pub as_country: Option<(CountryCode, Arc<str>, Arc<str>)>,
    /// Announced from many places at once.
    pub anycast: bool,
}

impl Answer {
    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What has to be known of a file to read its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    name: Arc<str>,
    /// Under this name it says where an AS is registered.
    as_registration: Arc<str>,
    date: Arc<str>,
    family: &'static str,
    /// In this file a flat `country_code` is the AS's country, not a location.
    code_is_of_as: bool,
    /// Names and dates of the parts of whither's own database.
    own: Option<Own>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    dbip: (Arc<str>, Arc<str>),
    ipfire: (Arc<str>, Arc<str>),
    rir: (Arc<str>, Arc<str>),
    as_date: Arc<str>,
}

impl Shape {
    /// Finds the shape from the file's metadata.
    pub(super) fn of(name: &str, metadata: &maxminddb::Metadata, date: &Arc<str>) -> Self {
        let kind = metadata.database_type.to_ascii_lowercase();
        let has = |word: &str| kind.contains(word);
        let family = match () {
            () if has("dbip") || has("db-ip") => "dbip",
            () if has("ipinfo") => "ipinfo",
            () if has("iplocate") => "iplocate",
            () if has("ip2location") => "ip2location",
            () if has("geolite") || has("geoip2") => "maxmind",
            () if has("ipfire") => "ipfire",
            () => "other",
        };
        let own = has("whither-geo").then(|| {
            let part = |id: &str| {
                let date =
                    metadata.description.get(id).map_or_else(|| Arc::clone(date), |d| d.as_str().into());
                (Arc::from(id), date)
            };
            Own { dbip: part("dbip"), ipfire: part("ipfire"), rir: part("rir"), as_date: part("iptoasn").1 }
        });
        let as_source = if own.is_some() { "iptoasn" } else { name };
        Self {
            name: name.into(),
            as_registration: format!("as-registration ({as_source})").into(),
            date: Arc::clone(date),
            family,
            code_is_of_as: has("asn") && !has("country") && family != "ipinfo",
            own,
        }
    }
}

/// A record of any known schema. What is not of the expected type is passed over, not an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    country: Loose<'a>,
    #[serde(borrow)]
    registered_country: Loose<'a>,
    #[serde(borrow)]
    country_code: Loose<'a>,
    #[serde(borrow)]
    ipfire: Loose<'a>,
    #[serde(borrow)]
    as_country: Loose<'a>,
    #[serde(borrow)]
    autonomous_system_number: Loose<'a>,
    #[serde(borrow)]
    autonomous_system_organization: Loose<'a>,
    #[serde(borrow)]
    asn: Loose<'a>,
    #[serde(borrow)]
    as_name: Loose<'a>,
    #[serde(borrow)]
    org: Loose<'a>,
    #[serde(borrow)]
    name: Loose<'a>,
    #[serde(borrow)]
    traits: Loose<'a>,
    #[serde(borrow)]
    is_anycast: Loose<'a>,
}

impl Record<'_> {
    /// What the record says, read by its file's shape.
    pub(super) fn read(&self, shape: &Shape) -> Answer {
        let mut answer = Answer::default();
        let sourced = |code: CountryCode| (code, Arc::clone(&shape.name), Arc::clone(&shape.date));
        let registration = |c, date: &Arc<str>| (c, Arc::clone(&shape.as_registration), Arc::clone(date));
        let flat = self.country_code.code();
        // IPinfo's newer files have the country's name in `country`: too long for a code, so it falls through.
        let country = self.country.iso_code().or_else(|| self.country.code());
        if let Some(own) = &shape.own {
            let place = |country, part: &(Arc<str>, Arc<str>), family| Place {
                source: Arc::clone(&part.0),
                family,
                date: Arc::clone(&part.1),
                country,
            };
            answer.places.extend(country.map(|c| place(c, &own.dbip, "dbip")));
            answer.places.extend(self.ipfire.code().map(|c| place(c, &own.ipfire, "ipfire")));
            let part = |c, part: &(Arc<str>, Arc<str>)| (c, Arc::clone(&part.0), Arc::clone(&part.1));
            answer.registered = self.registered_country.iso_code().map(|c| part(c, &own.rir));
            answer.as_country = self.as_country.code().map(|c| registration(c, &own.as_date));
        } else {
            let located = if shape.code_is_of_as { country } else { country.or(flat) };
            answer.places.extend(located.map(|country| Place {
                source: Arc::clone(&shape.name),
                family: shape.family,
                date: Arc::clone(&shape.date),
                country,
            }));
            answer.registered = self.registered_country.iso_code().map(sourced);
            let of_as = self.as_country.code().or(flat.filter(|_| shape.code_is_of_as));
            answer.as_country = of_as.map(|c| registration(c, &shape.date));
        }
        let (traits_asn, traits_org, traits_anycast) = match &self.traits {
            Loose::Traits { asn, org, anycast } => (*asn, org.as_deref(), *anycast),
            _ => (None, None, false),
        };
        answer.asn =
            self.autonomous_system_number.number().or(self.asn.number()).or(traits_asn).filter(|n| *n != 0);
        let texts = [&self.autonomous_system_organization, &self.as_name, &self.org, &self.name];
        if answer.asn.is_some() {
            let name = texts.into_iter().find_map(Loose::text).or(traits_org);
            answer.as_name = name.map(printable);
        }
        answer.anycast = traits_anycast || matches!(self.is_anycast, Loose::Bool(true));
        answer
    }
}

/// The longest name taken from a database, in characters.
const MAX_NAME: usize = 128;

/// A name that is safe to print: control characters and bidi marks become `?`, and it is cut.
fn printable(text: &str) -> Arc<str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().take(MAX_NAME).map(|c| if harmful(c) { '?' } else { c }).collect::<String>().into()
}

/// A value of whatever type, of which only what we can use is kept.
#[derive(Debug, Default, PartialEq)]
enum Loose<'a> {
    #[default]
    Nothing,
    Text(&'a str),
    Number(u64),
    Bool(bool),
    /// A map with `iso_code`.
    Iso(&'a str),
    /// MaxMind's `traits`.
    Traits {
        asn: Option<u32>,
        org: Option<Box<str>>,
        anycast: bool,
    },
}

impl<'a> Loose<'a> {
    fn text(&self) -> Option<&'a str> {
        match *self {
            Self::Text(t) if !t.trim().is_empty() => Some(t),
            _ => None,
        }
    }

    fn code(&self) -> Option<CountryCode> {
        self.text().and_then(CountryCode::parse)
    }

    fn iso_code(&self) -> Option<CountryCode> {
        match *self {
            Self::Iso(t) => CountryCode::parse(t),
            _ => None,
        }
    }

    /// An AS number, as a number or as text (`AS15169`, `15169`).
    fn number(&self) -> Option<u32> {
        match *self {
            Self::Number(n) => u32::try_from(n).ok(),
            Self::Text(t) => {
                let digits = t.trim_start_matches(['A', 'a']).trim_start_matches(['S', 's']);
                digits.trim().parse().ok()
            }
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(LooseVisitor { inside: false })
    }
}

/// Takes any value; of a map only the few fields that matter, and nothing of one `inside` another, so depth is bounded.
struct LooseVisitor {
    inside: bool,
}

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: de::Error>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(v))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bool(v))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(v))
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(v).map_or(Loose::Nothing, Loose::Number))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.inside {
            // Names by language and the like.
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Loose::Nothing);
        }
        let mut inner: BTreeMap<&str, Flat<'de>> = BTreeMap::new();
        while let Some(key) = map.next_key::<&'de str>()? {
            if matches!(
                key,
                "iso_code" | "autonomous_system_number" | "autonomous_system_organization" | "is_anycast"
            ) {
                inner.insert(key, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if let Some(Flat(Loose::Text(code))) = inner.get("iso_code") {
            return Ok(Loose::Iso(code));
        }
        Ok(Loose::Traits {
            asn: inner.get("autonomous_system_number").and_then(|f| f.0.number()),
            org: inner.get("autonomous_system_organization").and_then(|f| f.0.text()).map(Into::into),
            anycast: inner.get("is_anycast").is_some_and(|f| f.0 == Loose::Bool(true)),
        })
    }
}

/// A [`Loose`] inside a map.
struct Flat<'a>(Loose<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Flat<'a> {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(LooseVisitor { inside: true }).map(Flat)
    }
}
