//! Tests of the operator table, and of the one that comes with the program.

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
        ("[[group.network]]\nasns = [1]\ncountry = \"Chine\"\n", "line 12: group `x`: `country` is `Chine`"),
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
