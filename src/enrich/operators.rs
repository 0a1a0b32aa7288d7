//! The operator table: who runs a network, and who owns that company. No geo database knows this.
//!
//! Rows are keyed by AS number or by prefix (the longest prefix goes before the AS number), may hold for a time only,
//! and carry source, date and certainty. A row without a source has to say so (`certainty = "low"`) and never supports a
//! *match*. Admin tables have the same form and go before the embedded one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::digest::sha256_hex;
use super::{EnrichConfig, EnrichError};
use crate::model::{Certainty, CountryCode, SourceBuild};

/// The table that comes with the program.
const EMBEDDED: &str = include_str!("../../geoip/operators.toml");
/// Its name in errors and provenance.
const EMBEDDED_NAME: &str = "operators.toml";
/// Rows of one table; the embedded one has some hundred.
const MAX_ROWS: usize = 200_000;

/// One row in force: what is known of one network's operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRow {
    /// The group's id (`tencent`).
    pub group: Arc<str>,
    /// The operator's name.
    pub name: Arc<str>,
    /// Where the company that runs the network has its seat.
    pub country: Option<CountryCode>,
    /// Its ultimate parent.
    pub owner: Option<Arc<str>>,
    /// Where that parent has its seat.
    pub owner_country: Option<CountryCode>,
    /// What it does (`cloud`, `cdn`, `isp`, `content`…).
    pub kind: Arc<str>,
    /// Serves other people's content.
    pub cdn: bool,
    /// Announces its addresses from many places at once.
    pub anycast: bool,
    /// The first day on which the row holds.
    pub since: Option<Date>,
    /// The last day on which the row holds.
    pub until: Option<Date>,
    /// Where the fact is from.
    pub source: Arc<str>,
    /// When the source said so.
    pub source_date: Arc<str>,
    /// How much it can carry.
    pub certainty: Certainty,
    /// How much its owner can carry; often the same.
    pub owner_certainty: Certainty,
    /// What a reader should know beside it.
    pub note: Option<Arc<str>>,
    /// The table's file.
    pub file: Arc<str>,
    /// The line of the row in it.
    pub line: usize,
}

impl OperatorRow {
    fn holds_on(&self, day: Date) -> bool {
        self.since.is_none_or(|d| d <= day) && self.until.is_none_or(|d| day <= d)
    }
}

/// All rows, admin tables first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperatorTable {
    by_asn: BTreeMap<u32, Vec<Arc<OperatorRow>>>,
    /// Longest prefix first.
    by_prefix: Vec<(IpNet, Arc<OperatorRow>)>,
    as_of: Option<Date>,
    builds: Vec<SourceBuild>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TableFile {
    /// The day on which the table was last looked through.
    as_of: String,
    #[serde(default)]
    group: Vec<Spanned<Group>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Group {
    id: String,
    name: String,
    country: String,
    owner: Option<String>,
    owner_country: Option<String>,
    kind: String,
    #[serde(default)]
    cdn: bool,
    #[serde(default)]
    anycast: bool,
    source: String,
    source_date: String,
    certainty: String,
    owner_certainty: Option<String>,
    note: Option<String>,
    #[serde(default)]
    network: Vec<Spanned<Network>>,
}

/// Networks of a group; what is given here goes before what the group says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Network {
    #[serde(default)]
    asns: Vec<u32>,
    #[serde(default)]
    prefixes: Vec<IpNet>,
    name: Option<String>,
    country: Option<String>,
    owner: Option<String>,
    owner_country: Option<String>,
    kind: Option<String>,
    cdn: Option<bool>,
    anycast: Option<bool>,
    since: Option<String>,
    until: Option<String>,
    source: Option<String>,
    source_date: Option<String>,
    certainty: Option<String>,
    owner_certainty: Option<String>,
    note: Option<String>,
}

impl OperatorTable {
    /// The admin's tables of the configuration, then the embedded one.
    ///
    /// # Errors
    /// The first table that cannot be read or is malformed, with file and line.
    pub fn load(config: &EnrichConfig) -> Result<Self, EnrichError> {
        let mut table = Self::default();
        for path in &config.operators {
            table.add_file(path)?;
        }
        table.add(EMBEDDED_NAME, EMBEDDED)?;
        table.finish();
        Ok(table)
    }

    /// A table from text, for tests and checks.
    ///
    /// # Errors
    /// As [`OperatorTable::load`].
    pub fn parse(name: &str, text: &str) -> Result<Self, EnrichError> {
        let mut table = Self::default();
        table.add(name, text)?;
        table.finish();
        Ok(table)
    }

    /// The row for an address, announced by `asn`, on `day` (the table's own day without one).
    pub fn find(&self, addr: IpAddr, asn: Option<u32>, day: Option<Date>) -> Option<&Arc<OperatorRow>> {
        let day = day.or(self.as_of)?;
        let by_prefix = self.by_prefix.iter().find(|(p, row)| p.contains(&addr) && row.holds_on(day));
        by_prefix.map(|(_, row)| row).or_else(|| self.by_asn.get(&asn?)?.iter().find(|row| row.holds_on(day)))
    }

    /// All rows, those of prefixes too.
    pub fn rows(&self) -> impl Iterator<Item = &Arc<OperatorRow>> {
        self.by_asn.values().flatten().chain(self.by_prefix.iter().map(|(_, row)| row))
    }

    /// All rows by AS number.
    pub fn by_asn(&self) -> impl Iterator<Item = (u32, &Arc<OperatorRow>)> {
        self.by_asn.iter().flat_map(|(asn, rows)| rows.iter().map(|row| (*asn, row)))
    }

    /// The day on which the youngest of the tables was last looked through.
    pub fn as_of(&self) -> Option<Date> {
        self.as_of
    }

    /// What each table is, for provenance.
    pub fn builds(&self) -> &[SourceBuild] {
        &self.builds
    }

    fn add_file(&mut self, path: &Path) -> Result<(), EnrichError> {
        let text = std::fs::read_to_string(path).map_err(|error| EnrichError::Io {
            action: "read",
            path: path.to_owned(),
            error,
        })?;
        self.add(&path.display().to_string(), &text)
    }

    fn add(&mut self, name: &str, text: &str) -> Result<(), EnrichError> {
        let line_of = |offset: usize| text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
        let bad =
            |line: usize, reason: String| EnrichError::Operators { file: name.to_owned(), line, reason };
        let file: TableFile = toml::from_str(text)
            .map_err(|e| bad(e.span().map_or(0, |s| line_of(s.start)), e.message().to_owned()))?;
        let as_of = date(&file.as_of, "as-of").map_err(|reason| bad(1, reason))?;
        let file_name: Arc<str> = name.into();
        let mut seen_groups = BTreeSet::new();
        let mut rows = 0_usize;
        for group in &file.group {
            let line = line_of(group.span().start);
            let group = group.get_ref();
            if !seen_groups.insert(group.id.clone()) {
                return Err(bad(line, format!("the group `{}` is there twice; join the two", group.id)));
            }
            for network in &group.network {
                let line = line_of(network.span().start);
                let network = network.get_ref();
                let row = row(group, network, &file_name, line)
                    .map_err(|reason| bad(line, format!("group `{}`: {reason}", group.id)))?;
                let row = Arc::new(row);
                rows = rows.saturating_add(network.asns.len()).saturating_add(network.prefixes.len());
                if rows > MAX_ROWS {
                    return Err(bad(line, format!("more than {MAX_ROWS} rows")));
                }
                for asn in &network.asns {
                    self.add_asn(*asn, &row)
                        .map_err(|reason| bad(line, format!("group `{}`: {reason}", group.id)))?;
                }
                self.by_prefix.extend(network.prefixes.iter().map(|p| (p.trunc(), Arc::clone(&row))));
            }
        }
        self.as_of = self.as_of.max(Some(as_of));
        let sha256 = sha256_hex(text.as_bytes());
        self.builds.push(SourceBuild {
            name: file_name,
            build: as_of.to_string().into(),
            sha256: Some(sha256.into()),
        });
        Ok(())
    }

    /// Adds a row for an AS; two rows of one file for the same AS must not hold on the same day.
    fn add_asn(&mut self, asn: u32, row: &Arc<OperatorRow>) -> Result<(), String> {
        if asn == 0 {
            return Err("AS 0 is no network (RFC 7607)".to_owned());
        }
        let others = self.by_asn.entry(asn).or_default();
        let apart = |a: &OperatorRow, b: &OperatorRow| matches!((a.until, b.since), (Some(end), Some(begin)) if end < begin);
        if let Some(other) = others.iter().find(|o| o.file == row.file && !apart(o, row) && !apart(row, o)) {
            return Err(format!(
                "AS{asn} is already in group `{}` (line {}) for the same time",
                other.group, other.line
            ));
        }
        others.push(Arc::clone(row));
        Ok(())
    }

    fn finish(&mut self) {
        // Stable: of equal prefixes the admin's stays first.
        self.by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.prefix_len()));
    }
}

fn date(text: &str, key: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{key}` is `{text}`: expected a date like `2026-06-17`"))
}

fn country(text: &str, key: &str) -> Result<CountryCode, String> {
    CountryCode::parse(text)
        .ok_or_else(|| format!("`{key}` is `{text}`: expected an ISO 3166-1 code like `CN`"))
}

fn certainty(text: &str) -> Result<Certainty, String> {
    [Certainty::High, Certainty::Medium, Certainty::Low, Certainty::Disputed]
        .into_iter()
        .find(|c| c.word() == text)
        .ok_or_else(|| format!("`certainty` is `{text}`: expected `high`, `medium`, `low` or `disputed`"))
}

/// Joins a network with its group.
fn row(group: &Group, network: &Network, file: &Arc<str>, line: usize) -> Result<OperatorRow, String> {
    fn pick<'a>(own: Option<&'a String>, groups: &'a str) -> &'a str {
        own.map_or(groups, String::as_str)
    }
    if network.asns.is_empty() && network.prefixes.is_empty() {
        return Err("the network has neither `asns` nor `prefixes`".to_owned());
    }
    let owner_country = network.owner_country.as_ref().or(group.owner_country.as_ref());
    let owner = network.owner.as_ref().or(group.owner.as_ref());
    if owner.is_some() != owner_country.is_some() {
        return Err("`owner` and `owner-country` go together".to_owned());
    }
    let source = pick(network.source.as_ref(), &group.source);
    let certainty = certainty(pick(network.certainty.as_ref(), &group.certainty))?;
    if source.trim().is_empty() {
        return Err(
            "`source` is empty; write `unconfirmed` with `certainty = \"low\"` if there is none".to_owned()
        );
    }
    if source == "unconfirmed" && certainty != Certainty::Low {
        return Err("an unconfirmed row must have `certainty = \"low\"`".to_owned());
    }
    // An owner is never surer than the row itself.
    let owner_certainty = match network.owner_certainty.as_ref().or(group.owner_certainty.as_ref()) {
        Some(word) => self::certainty(word)?.min(certainty),
        None => certainty,
    };
    let since = network.since.as_deref().map(|d| date(d, "since")).transpose()?;
    let until = network.until.as_deref().map(|d| date(d, "until")).transpose()?;
    if matches!((since, until), (Some(s), Some(u)) if u < s) {
        return Err("`until` is before `since`".to_owned());
    }
    Ok(OperatorRow {
        group: group.id.as_str().into(),
        name: pick(network.name.as_ref(), &group.name).into(),
        country: Some(country(pick(network.country.as_ref(), &group.country), "country")?),
        owner: owner.map(|o| o.as_str().into()),
        owner_country: owner_country.map(|c| country(c, "owner-country")).transpose()?,
        kind: pick(network.kind.as_ref(), &group.kind).into(),
        cdn: network.cdn.unwrap_or(group.cdn),
        anycast: network.anycast.unwrap_or(group.anycast),
        since,
        until,
        source: source.into(),
        source_date: pick(network.source_date.as_ref(), &group.source_date).into(),
        certainty,
        owner_certainty,
        note: network.note.as_ref().or(group.note.as_ref()).map(|n| n.as_str().into()),
        file: Arc::clone(file),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "as-of = \"2026-06-01\"\n[[group]]\nid = \"x\"\nname = \"X\"\ncountry = \"SG\"\nowner = \"X Holding\"\nowner-country = \"CN\"\nkind = \"cloud\"\nsource = \"its report\"\nsource-date = \"2025\"\ncertainty = \"high\"\n";

    fn error(tail: &str) -> String {
        OperatorTable::parse("t.toml", &format!("{HEAD}{tail}")).unwrap_err().to_string()
    }

    #[test]
    fn the_longest_prefix_goes_before_the_as_and_a_row_holds_in_its_time() {
        let text = format!(
            "{HEAD}[[group.network]]\nasns = [64500]\nuntil = \"2026-01-21\"\n[[group.network]]\nasns = [64500]\nsince = \"2026-01-22\"\ncountry = \"US\"\n\
             [[group.network]]\nprefixes = [\"198.18.0.0/15\"]\ncountry = \"DE\"\n[[group.network]]\nprefixes = [\"198.18.7.0/24\"]\ncountry = \"FR\"\n"
        );
        let table = OperatorTable::parse("t.toml", &text).unwrap();
        let ask = |addr: &str, asn, day: Option<&str>| {
            let row = table.find(addr.parse().unwrap(), asn, day.map(|d| d.parse().unwrap()))?;
            row.country.map(|c| c.to_string())
        };
        assert_eq!(ask("192.0.2.1", Some(64500), None).as_deref(), Some("US"));
        assert_eq!(ask("192.0.2.1", Some(64500), Some("2025-01-01")).as_deref(), Some("SG"));
        assert_eq!(ask("198.18.7.1", Some(64500), None).as_deref(), Some("FR"));
        assert_eq!(ask("198.19.7.1", None, None).as_deref(), Some("DE"));
        assert_eq!(ask("192.0.2.1", Some(1), None), None);
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        for (tail, want) in [
            (
                "[[group.network]]\nasns = [1]\n[[group.network]]\nasns = [1]\n",
                "line 14: group `x`: AS1 is already in group `x` (line 12)",
            ),
            (
                "[[group.network]]\nasns = [1]\ncountry = \"Chine\"\n",
                "line 12: group `x`: `country` is `Chine`",
            ),
            (
                "[[group.network]]\nasns = [1]\ncertainty = \"sure\"\n",
                "line 12: group `x`: `certainty` is `sure`",
            ),
            ("[[group.network]]\nasns = [1]\nsource = \"unconfirmed\"\n", "an unconfirmed row must have"),
            ("[[group.network]]\n", "neither `asns` nor `prefixes`"),
            ("[[group.network]]\nasns = [1]\nans = 3\n", "line 14: unknown field"),
            ("[[group.network]]\nasns = [0]\n", "AS 0"),
            ("x = [\n", "line "),
        ] {
            let message = error(tail);
            assert!(message.contains("t.toml") && message.contains(want), "{tail}: {message}");
        }
    }

    #[test]
    fn an_admins_row_goes_before_the_embedded_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, format!("{HEAD}[[group.network]]\nasns = [132203]\n")).unwrap();
        let config = EnrichConfig { operators: vec![path], ..EnrichConfig::default() };
        let table = OperatorTable::load(&config).unwrap();
        let row = table.find("162.62.52.1".parse().unwrap(), Some(132_203), None).unwrap();
        assert_eq!((&*row.name, row.line), ("X", 12));
        assert_eq!(table.builds().len(), 2);
        let missing = EnrichConfig { operators: vec!["/nonexistent.toml".into()], ..EnrichConfig::default() };
        assert!(OperatorTable::load(&missing).unwrap_err().to_string().contains("/nonexistent.toml"));
    }

    /// ISO 3166-1 alpha-2, in four lines of the alphabet.
    const ISO: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
        CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG \
        GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ \
        LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR \
        NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ \
        TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

    /// What no location and no registration tells: networks of groups of CN, RU and IR that are registered elsewhere.
    const ESSENTIAL: [(&str, &[u32]); 25] = [
        ("alibaba", &[133_376, 134_963, 203_513]),
        ("arvan", &[57_568, 208_006]),
        ("bytedance", &[138_699, 150_436, 396_986]),
        ("capital-online", &[153_193]),
        (
            "china-mobile",
            &[9231, 58_453, 58_807, 132_389, 136_750, 137_872, 139_619, 141_419, 149_967, 209_141, 328_787],
        ),
        ("china-telecom", &[23_764, 36_678, 44_516, 49_209, 63_527, 64_079, 135_386, 136_167, 150_203]),
        ("china-unicom", &[10_099, 19_174, 132_281, 197_407]),
        ("huawei", &[131_444, 136_907, 141_180, 151_610, 200_756, 206_798]),
        ("kaspersky", &[41_983, 200_107]),
        ("kingsoft-cloud", &[137_280]),
        ("kuaishou", &[142_160]),
        ("lenovo", &[20_111, 138_005, 138_007]),
        ("mihoyo", &[203_923]),
        ("netease", &[131_659, 137_263]),
        ("qiniu", &[152_644]),
        ("qrator", &[200_449, 209_671, 211_112]),
        ("riot", &[6507]),
        ("selectel", &[198_652]),
        ("supercell", &[212_916]),
        ("tencent", &[137_876, 139_341]),
        ("timeweb", &[204_427, 210_976]),
        ("ucloud", &[135_377, 139_327]),
        ("vk", &[201_817]),
        ("wangsu", &[36_408, 38_107, 54_994, 152_231]),
        ("xiaomi", &[63_855, 63_915]),
    ];

    #[test]
    fn the_embedded_table_has_the_networks_that_no_database_betrays() {
        let table = OperatorTable::load(&EnrichConfig::default()).unwrap();
        for (group, asns) in ESSENTIAL {
            for asn in asns {
                let row = table.find("192.0.2.1".parse().unwrap(), Some(*asn), None);
                let row = row.unwrap_or_else(|| panic!("AS{asn} of {group} has no row in force"));
                assert_eq!(&*row.group, group, "AS{asn}");
                assert!(row.owner_country.is_some(), "AS{asn}: the owner's country is the point of the row");
            }
        }
    }

    #[test]
    fn no_two_embedded_rows_hold_for_one_prefix_on_one_day() {
        let table = OperatorTable::load(&EnrichConfig::default()).unwrap();
        for (i, (prefix, row)) in table.by_prefix.iter().enumerate() {
            for (other, second) in table.by_prefix.iter().skip(i + 1).filter(|(p, _)| p == prefix) {
                let apart = |a: &OperatorRow, b: &OperatorRow| matches!((a.until, b.since), (Some(end), Some(begin)) if end < begin);
                assert!(
                    apart(row, second) || apart(second, row),
                    "{other} in lines {} and {}",
                    row.line,
                    second.line
                );
            }
        }
    }

    #[test]
    fn the_embedded_table_is_sound_and_an_unsourced_row_is_never_more_than_low() {
        let table = OperatorTable::load(&EnrichConfig::default()).unwrap();
        let mut rows = 0;
        for (asn, row) in table.by_asn() {
            rows += 1;
            assert!(&*row.source != "unconfirmed" || row.certainty == Certainty::Low, "AS{asn}");
            assert!(!row.source_date.is_empty(), "AS{asn}");
            assert!(!row.source.contains("general knowledge"), "AS{asn}: a source that nobody read");
            for country in [row.country, row.owner_country].into_iter().flatten() {
                assert!(ISO.split_whitespace().any(|code| code == country.as_str()), "AS{asn}: {country}");
            }
            let year = row.source_date.get(..4).and_then(|y| y.parse::<u16>().ok());
            assert!(year.is_some_and(|y| (2011..=2026).contains(&y)), "AS{asn}: {}", row.source_date);
        }
        assert!(rows >= 300, "{rows}");
    }
}
