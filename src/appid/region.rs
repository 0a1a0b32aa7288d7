//! The region that a vendor's own host name claims (`sgshort.wechat.com`: Singapore), by `config/regions.toml`.
//!
//! A claim is the vendor's word, never a location; it is held against where the machine stands by whoever reads both. Only
//! words that the vendor documents or that are plain from names in use are taken; guesses are listed as unused. Words are
//! whole pieces of a label, so `useastred` is no `us`; a longer word hides the shorter ones in it (`cn-hongkong` is no
//! `cn-*`), and two words that speak of different places claim nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use crate::model::{CountryCode, HostName, RegionClaim, RegionPlace};

/// The words that come with the program.
const EMBEDDED: &str = include_str!("../../config/regions.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vendor: Vec<Vendor>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    id: Arc<str>,
    zones: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    source: String,
    date: String,
    token: Vec<Token>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    #[serde(rename = "token")]
    word: Arc<str>,
    #[serde(default)]
    at: Place,
    country: Option<String>,
    group: Option<Arc<str>>,
    confidence: Confidence,
    note: Option<String>,
}

/// Where in the name a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    /// Whole pieces of a label.
    #[default]
    Piece,
    /// The beginning of the first label.
    First,
    /// The end of a label.
    Last,
    /// A whole label.
    Label,
    /// The zone itself.
    Zone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Confidence {
    Doc,
    Seen,
    Guess,
}

impl Confidence {
    const fn word(self) -> &'static str {
        match self {
            Self::Doc => "doc",
            Self::Seen => "seen",
            Self::Guess => "guess",
        }
    }
}

/// What the words in a name come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegionReport {
    /// The claim, where there is one.
    pub claim: Option<Arc<RegionClaim>>,
    /// Words for people: what was met and not used.
    pub notes: Vec<String>,
}

/// Words by zone.
#[derive(Debug)]
pub(super) struct Regions {
    vendors: Vec<Vendor>,
    zones: BTreeMap<String, usize>,
}

static SHIPPED: LazyLock<Regions> = LazyLock::new(|| {
    Regions::parse(EMBEDDED).unwrap_or(Regions { vendors: Vec::new(), zones: BTreeMap::new() })
});

/// The region that `name` claims, and what else was met on the way.
pub fn region_of(name: &HostName) -> RegionReport {
    SHIPPED.report(name)
}

impl Regions {
    fn parse(text: &str) -> Result<Self, String> {
        let File { vendor: vendors } = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut zones = BTreeMap::new();
        for (i, vendor) in vendors.iter().enumerate() {
            if vendor.date.parse::<jiff::civil::Date>().is_err() {
                return Err(format!(
                    "vendor `{}`: `{}` is no date, expected YYYY-MM-DD",
                    vendor.id, vendor.date
                ));
            }
            for zone in &vendor.zones {
                if zones.insert(zone.clone(), i).is_some() {
                    return Err(format!("zone `{zone}` stands twice: one vendor must have it"));
                }
            }
            for token in &vendor.token {
                token
                    .check()
                    .map_err(|what| format!("vendor `{}`: token `{}` {what}", vendor.id, token.word))?;
            }
        }
        Ok(Self { vendors, zones })
    }

    fn report(&self, name: &HostName) -> RegionReport {
        let mut report = RegionReport::default();
        let Some((vendor, zone, below)) = self.vendor_of(name.as_str()).filter(|_| name.is_valid()) else {
            return report;
        };
        let first = below.split('.').next().unwrap_or_default();
        if let Some(except) = vendor.except.iter().find(|e| matches_glob(first, e)) {
            report.notes.push(format!("`{except}` of {} speaks of something else than a region", vendor.id));
            return report;
        }
        let mut met: Vec<&Token> = vendor.token.iter().filter(|t| t.stands_in(below, zone)).collect();
        met.sort_by_key(|t| std::cmp::Reverse(t.pieces()));
        let mut used: Vec<&Token> = Vec::new();
        for token in met {
            let hidden = used.iter().any(|longer| longer.hides(token));
            if token.confidence == Confidence::Guess && !hidden {
                let note = token.note.as_deref().map(|n| format!(": {n}")).unwrap_or_default();
                report.notes.push(format!(
                    "`{}` of {} may stand for {}, but that is a guess and not used{note}",
                    token.word,
                    vendor.id,
                    token.says().as_deref().unwrap_or("no place"),
                ));
            } else if !hidden {
                used.push(token);
            }
        }
        let places: Vec<(&&Token, RegionPlace)> = used.iter().filter_map(|t| Some((t, t.place()?))).collect();
        let Some((token, place)) = places.first().cloned() else { return report };
        if places.iter().any(|(_, other)| *other != place) {
            let words: Vec<&str> = places.iter().map(|(t, _)| &*t.word).collect();
            report.notes.push(format!(
                "`{}` of {} speak of different places",
                words.join("` and `"),
                vendor.id
            ));
            return report;
        }
        report.claim = Some(Arc::new(RegionClaim {
            vendor: Arc::clone(&vendor.id),
            name: name.clone(),
            token: Arc::clone(&token.word),
            place,
            source: format!("{}, {}", vendor.source, vendor.date).into(),
            confidence: token.confidence.word(),
        }));
        report
    }

    /// The vendor with the longest zone above `name`, that zone, and what stands below it.
    fn vendor_of<'a>(&self, name: &'a str) -> Option<(&Vendor, &'a str, &'a str)> {
        let mut zone = name;
        loop {
            if let Some(&i) = self.zones.get(zone) {
                let below = name.strip_suffix(zone)?.trim_end_matches('.');
                return Some((self.vendors.get(i)?, zone, below));
            }
            zone = zone.split_once('.')?.1;
        }
    }
}

impl Token {
    fn check(&self) -> Result<(), &'static str> {
        if self.country.as_deref().is_some_and(|c| CountryCode::parse(c).is_none()) {
            return Err("has no country: expected two letters of ISO 3166-1");
        }
        if self.country.is_some() && self.group.is_some() {
            return Err("has both `country` and `group`: one of them");
        }
        if self.word.is_empty() || self.word.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err("is empty or not in lower case");
        }
        Ok(())
    }

    fn place(&self) -> Option<RegionPlace> {
        let country = self.country.as_deref().and_then(CountryCode::parse).map(RegionPlace::Country);
        country.or_else(|| self.group.clone().map(RegionPlace::Group))
    }

    fn says(&self) -> Option<String> {
        self.country.clone().or_else(|| self.group.as_ref().map(|g| format!("group `{g}`")))
    }

    /// How exact it is: in the name before the zone, more pieces before fewer, a fixed one before one that stands for any.
    fn pieces(&self) -> (bool, usize, bool) {
        (self.at != Place::Zone, self.word.split('-').count(), !self.word.contains('*'))
    }

    /// Whether a shorter or looser word that stands inside this one is not meant.
    fn hides(&self, other: &Self) -> bool {
        other.at != Place::Zone && self.at != Place::Zone && has_pieces(&self.word, &other.word, Place::Piece)
    }

    fn stands_in(&self, below: &str, zone: &str) -> bool {
        match self.at {
            Place::Zone => *self.word == *zone,
            Place::Label => below.split('.').any(|label| *label == *self.word),
            Place::First => {
                below.split('.').next().is_some_and(|label| has_pieces(label, &self.word, Place::First))
            }
            at => below.split('.').any(|label| has_pieces(label, &self.word, at)),
        }
    }
}

/// Whether the pieces of `word` stand one after the other in `label`; at its beginning or end where `at` says so.
fn has_pieces(label: &str, word: &str, at: Place) -> bool {
    let label: Vec<&str> = label.split('-').collect();
    let word: Vec<&str> = word.split('-').collect();
    let fits = |window: &[&str]| window.iter().zip(&word).all(|(have, want)| *want == "*" || have == want);
    match at {
        Place::First => label.get(..word.len()).is_some_and(fits),
        Place::Last => {
            label.len().checked_sub(word.len()).and_then(|from| label.get(from..)).is_some_and(fits)
        }
        _ => label.windows(word.len()).any(fits),
    }
}

fn matches_glob(label: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => label.starts_with(start),
        None => label == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str) -> Option<String> {
        let report = region_of(&HostName::from_wire(name.as_bytes()).unwrap());
        report.claim.map(|c| match &c.place {
            RegionPlace::Country(country) => format!("{} {} {country} {}", c.vendor, c.token, c.confidence),
            RegionPlace::Group(group) => format!("{} {} {group} {}", c.vendor, c.token, c.confidence),
        })
    }

    #[test]
    fn the_shipped_words_are_sound() {
        let regions = Regions::parse(EMBEDDED).unwrap();
        assert!(regions.zones.len() > 30);
        let tokens = || regions.vendors.iter().flat_map(|v| &v.token);
        assert!(tokens().any(|t| t.confidence == Confidence::Guess), "guesses are listed as such");
        for (from, to) in [("\"SG\"", "\"EU\""), ("2026-01-15", "last year"), ("byd.auto", "wechat.com")] {
            assert!(Regions::parse(&EMBEDDED.replacen(from, to, 1)).is_err(), "{to}");
        }
    }

    #[test]
    fn words_of_vendors_claim_a_region() {
        for (name, want) in [
            ("sgshort.wechat.com", "tencent-wechat sgshort SG seen"),
            ("hkminorshort.weixin.qq.com", "tencent-wechat hkminorshort HK seen"),
            ("log-alisg.tiktokv.com", "bytedance alisg SG seen"),
            ("metrics-dre.data.dbankcloud.cn", "huawei dre eu seen"),
            ("metrics1.data.drcn.dbankcloud.com", "huawei drcn CN seen"),
            ("obs.ap-southeast-3.myhuaweicloud.com", "huawei-cloud ap-southeast-3 SG doc"),
            ("oss-cn-beijing.aliyuncs.com", "alibaba-cloud cn-* CN doc"),
            ("oss-ap-southeast-1.aliyuncs.com", "alibaba-cloud ap-southeast-1 SG doc"),
            ("a1.tuyaeu.com", "tuya tuyaeu.com eu doc"),
            ("openapi-weaz.tuyaeu.com", "tuya weaz eu seen"),
            ("data.mistat.india.xiaomi.com", "xiaomi india IN seen"),
            ("httpdns-in.heytapmobile.com", "oppo in IN seen"),
            ("in-gamecenter.vivoglobal.com", "vivo in IN seen"),
            ("api-us.roborock.com", "roborock us US seen"),
            ("dilink-eu.byd.auto", "byd eu eu seen"),
        ] {
            assert_eq!(claim(name).as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn no_trap_claims_a_region() {
        for (name, why) in [
            ("log16-normal-useast5.tiktokv.us", "a guess"),
            ("api16-normal-useastred.tiktokv.eu", "only below .eu, whatever it looks like"),
            ("api-ttp2.tiktokv.eu", "stands below .eu as well"),
            ("lf16-capcut.faceulv.com", "not a zone of these words"),
            ("lf-sourcecdn-tos.snssdk.com", "a guess"),
            ("mdp-appconf-in.heytapdl.com", "the market of the phone"),
            ("kz-cname-sin01.vivoglobal.com", "two places in one name"),
            ("short.weixin.qq.com", "a guess"),
            ("resolver.msg.intl.xiaomi.com", "no place"),
            ("fr.register.xmpush.global.xiaomi.com", "a guess"),
            ("sgshort.notwechat.com", "another zone"),
            ("ussg-forum.tiktok.com", "not a whole piece"),
            ("metrics.data.dbankcloud.cn", "the zone's own code says nothing"),
            ("www.example.com", "nobody's"),
        ] {
            assert_eq!(claim(name), None, "{name}: {why}");
        }
        assert_eq!(
            claim("oss-cn-hongkong.aliyuncs.com").as_deref(),
            Some("alibaba-cloud cn-hongkong HK doc")
        );
    }

    #[test]
    fn what_is_not_used_is_told() {
        for (name, word) in [
            ("log16-normal-useast5.tiktokv.us", "guess"),
            ("mdp-appconf-in.heytapdl.com", "something else"),
            ("kz-cname-sin01.vivoglobal.com", "different places"),
        ] {
            let report = region_of(&HostName::from_wire(name.as_bytes()).unwrap());
            assert!(report.notes.iter().any(|n| n.contains(word)), "{name}: {:?}", report.notes);
        }
    }
}
