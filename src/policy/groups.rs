//! Named groups of countries, as dated data (`config/groups.toml`), and the country codes that exist.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::model::CountryCode;

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Group {
    /// The word that rules use.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Country codes.
    pub members: Vec<String>,
    /// Where the list is from.
    pub source: String,
    /// The day it is right for (ISO 8601).
    pub date: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    group: Vec<Group>,
}

/// All groups. A test holds the shipped file to be valid; a broken one would have no groups.
pub fn groups() -> &'static [Group] {
    static GROUPS: OnceLock<Vec<Group>> = OnceLock::new();
    GROUPS.get_or_init(|| {
        let file: File = toml::from_str(include_str!("../../config/groups.toml")).unwrap_or_default();
        file.group
    })
}

/// ISO 3166-1 alpha-2 officially assigned codes (and XK, in general use), so that a typo like `UX` is an error.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG \
KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX \
MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG \
VI VN VU WF WS XK YE YT ZA ZM ZW";

/// The countries that a word of a rule means; `None` when it means none.
pub(super) fn resolve(word: &str) -> Option<Vec<CountryCode>> {
    if let Some(group) = groups().iter().find(|g| g.name == word.to_ascii_lowercase()) {
        return group.members.iter().map(|m| CountryCode::parse(m)).collect();
    }
    let code = CountryCode::parse(word)?;
    CODES.split_ascii_whitespace().any(|c| c == code.as_str()).then(|| vec![code])
}
