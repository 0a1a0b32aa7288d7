//! The files as shipped, and what the look-ups and the lint make of right and wrong ones.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::appid::embedded::EMBEDDED;
use crate::model::HostName;

fn app_of(name: &str) -> Option<String> {
    let name = HostName::from_wire(name.as_bytes())?;
    embedded().match_name(&name).map(|(a, _)| a.app.id.to_string())
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/applications");
    let there: BTreeSet<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let built_in: BTreeSet<String> = EMBEDDED.iter().map(|(f, _)| (*f).to_owned()).collect();
    assert_eq!(there, built_in, "config/applications and src/appid/embedded.rs differ");
    assert_eq!(EMBEDDED[0].0, "common.toml", "sources must be known before the facts that name them");
}

#[test]
fn the_shipped_catalogue_is_clean() {
    let findings = embedded().lint();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
    assert!(embedded().len() >= 150, "{} applications", embedded().len());
}

#[test]
fn every_seat_has_a_source() {
    for summary in embedded().list() {
        let catalogue = embedded();
        let app = &catalogue.show(&summary.id).unwrap().app;
        assert_eq!(app.vendor_country.is_some(), app.vendor_source.is_some(), "{}", app.id);
    }
}

#[test]
fn names_belong_to_their_applications() {
    for (name, want) in [
        ("short.weixin.qq.com", "wechat"),
        ("instagram.fhkg3-1.fna.fbcdn.net", "instagram"),
        ("scontent.fhkg3-1.fna.fbcdn.net", "facebook"),
        ("extshort.weixin.qq.com", "wechat"),
        ("web.wechat.com", "wechat"),
        ("res.wx.qq.com", "wechat"),
        ("www.qq.com", "tencent"),
        ("im.qq.com", "qq"),
        ("vv.video.qq.com", "tencent-video"),
        ("api16-normal-useast5.tiktokv.us", "tiktok"),
        ("api2.musical.ly", "tiktok"),
        ("www.douyin.com", "douyin"),
        ("www.capcut.com", "capcut"),
        ("mobilegw.alipay.com", "alipay"),
        ("amdc.m.taobao.com", "taobao"),
        ("www.temu.com", "temu"),
        ("api-shein.shein.com", "shein"),
        ("data.mistat.xiaomi.com", "xiaomi"),
        ("hm.baidu.com", "baidu"),
        ("api.bilibili.com", "bilibili"),
        ("a1.tuyaeu.com", "tuya"),
        ("api.hik-connect.com", "hikvision"),
        ("www.dji.com", "dji"),
        ("mc.yandex.ru", "yandex-metrica"),
        ("yandex.ru", "yandex"),
        ("api.vk.com", "vk"),
        ("web.telegram.org", "telegram"),
        ("e12.whatsapp.net", "whatsapp"),
        ("zoomsjccv154mmr.sjc.zoom.us", "zoom"),
        ("www.google.com", "google"),
        ("adservice.google.fr", "google"),
        ("play.google.com", "googleplay"),
        ("play.googleapis.com", "googleplay"),
        ("youtubei.googleapis.com", "youtube"),
        ("r3---sn-h0jeln7e.googlevideo.com", "youtube"),
        ("gateway.icloud.com", "apple"),
        ("outlook.office365.com", "office365"),
        ("teams.microsoft.com", "teams"),
        ("ctldl.windowsupdate.com", "microsoft"),
        ("graph.facebook.com", "facebook"),
        ("scontent.cdninstagram.com", "instagram"),
        ("occ-0-1.1.nflxso.net", "netflix"),
        ("d111111abcdef8.cloudfront.net", "aws"),
        ("a248.e.akamai.net", "akamai"),
        ("settings.crashlytics.com", "google"),
        ("t.appsflyer.com", "appsflyer"),
        ("login.msidentity.com", "office365"),
        ("e-0009.e-msedge.net", "microsoft"),
        ("dns.google", "google"),
        ("config2.mparticle.com", "mparticle"),
        ("z.moatads.com", "moat"),
        ("api.mapbox.com", "mapbox"),
        ("rules.quantcount.com", "quantcast"),
        ("apps.identrust.com", "identrust"),
        ("vod-dash-uk-live.akamaized.net", "bbc"),
        ("other-live.akamaized.net", "akamai"),
        ("www.hbomax.com", "hbo-max"),
        ("api.binance.com", "binance"),
        ("index.crates.io", "rust-lang"),
        ("clientstream.launchdarkly.com", "launchdarkly"),
        ("cdn.onenote.net", "office365"),
    ] {
        assert_eq!(app_of(name).as_deref(), Some(want), "{name}");
    }
}

#[test]
fn names_that_only_contain_another_belong_to_nobody() {
    for name in [
        "freewechat.com",
        "www.freeweibo.com",
        "slowcheetah.org",
        "alphashareit.works",
        "nothubspot.com",
        "mybinance.com.example",
        "notgoogle.com",
        "wechat.com.evil.example",
        "weixin.qq.com.phish.example",
        "xqq.com",
        "faketiktok.com",
        "com",
        "qq",
        "localhost",
        "1.2.3.4",
        "_googlecast._tcp.local",
        "8.8.8.8.in-addr.arpa",
        "co.uk",
        "in.th",
        "some.shop.in.th",
    ] {
        assert_eq!(app_of(name), None, "{name}");
    }
}

#[test]
fn every_vendor_of_the_world_keeps_its_role() {
    // A library or rented machines name nobody's application: rules by tag and precedence lean on the role.
    for (id, role) in [
        ("akamai", "infrastructure"),
        ("limelight", "infrastructure"),
        ("wordpress", "infrastructure"),
        ("hotjar", "sdk"),
        ("mapbox", "sdk"),
        ("doubleverify", "sdk"),
        ("binance", "app"),
        ("nytimes", "app"),
    ] {
        let role_of = embedded().show(id).map(|a| a.role.word());
        assert_eq!(role_of, Some(role), "{id}");
    }
}

#[test]
fn a_near_miss_is_told_and_names_nothing() {
    let report = embedded().explain_match("www.freewechat.com");
    assert_eq!(report.app(), None);
    assert!(report.notes.iter().any(|n| n.contains("wechat.com")), "{:?}", report.notes);
}

pub(super) const FULL_AND_SUFFIX: &str = r#"
    [[application]]
    id = "one"
    name = "One"
    vendor = "V"
    tags = ["messaging"]
    [[application.domains]]
    source = "curated"
    suffix = ["example.com"]
    [[application]]
    id = "two"
    name = "Two"
    vendor = "V"
    tags = ["messaging"]
    [[application.domains]]
    source = "curated"
    full = ["example.com", "a.b.example.com"]
    [[application]]
    id = "three"
    name = "Three"
    vendor = "V"
    tags = ["messaging"]
    [[application.domains]]
    source = "curated"
    confidence = "low"
    suffix = ["low.example.com"]
    [[application.prefixes]]
    source = "curated"
    own-service = true
    prefix = ["192.0.2.0/24", "2001:db8::/32"]
    [[application.prefixes]]
    source = "curated"
    prefix = ["198.51.100.0/24", "192.0.0.0/16"]
    [[application.asns]]
    source = "curated"
    role = "own"
    own-service = true
    asn = [64496]
"#;

#[test]
fn full_goes_before_suffix_and_long_before_short() {
    let catalogue = small(FULL_AND_SUFFIX).unwrap();
    for (name, want) in [
        ("example.com", Some("two")),
        ("www.example.com", Some("one")),
        ("a.b.example.com", Some("two")),
        ("x.a.b.example.com", Some("one")),
        ("x.low.example.com", None),
        ("example.org", None),
    ] {
        assert_eq!(catalogue.explain_match(name).app().map(|a| &**a), want, "{name}");
    }
    let report = catalogue.explain_match("A.B.Example.COM.");
    assert_eq!(report.asked, "a.b.example.com");
    assert_eq!(&*report.winner.unwrap().fact, "full a.b.example.com");
    assert_eq!(report.shadowed.len(), 1);
    assert_eq!(&*report.shadowed[0].fact, "suffix example.com");
    assert!(!catalogue.explain_match("low.example.com").winner.unwrap().names_app);
}

#[test]
fn a_pattern_stands_for_one_label_and_goes_before_the_suffix_below_it() {
    let with = FULL_AND_SUFFIX
        .replacen("\"a.b.example.com\"]", "\"a.b.example.com\"]\npattern = [\"pic.*.cdn.example.com\"]", 1)
        .replacen(
            "suffix = [\"example.com\"]",
            "suffix = [\"example.com\"]\nfull = [\"pic.x.cdn.example.com\"]",
            1,
        );
    let catalogue = small(&with).unwrap();
    for (name, want) in [
        ("pic.f1-2.cdn.example.com", "two"),
        ("PIC.F1-2.CDN.example.com", "two"),
        ("pic.x.cdn.example.com", "one"),
        ("pic.cdn.example.com", "one"),
        ("pic.a.b.cdn.example.com", "one"),
        ("a.pic.f1.cdn.example.com", "one"),
        ("epic.f1.cdn.example.com", "one"),
        ("pic.f1.xcdn.example.com", "one"),
        ("f1.cdn.example.com", "one"),
    ] {
        assert_eq!(catalogue.explain_match(name).app().map(|a| &**a), Some(want), "{name}");
    }
    let report = catalogue.explain_match("pic.f1.cdn.example.com");
    assert_eq!(&*report.winner.unwrap().fact, "pattern pic.*.cdn.example.com");
    assert_eq!(report.shadowed.len(), 1, "the suffix lost");
    let both =
        with.replacen("suffix = [\"example.com\"]", "suffix = [\"example.com\", \"cdn.example.com\"]", 1);
    let report = small(&both).unwrap().explain_match("pic.f1.cdn.example.com");
    assert_eq!(report.app().map(|a| &**a), Some("two"), "a pattern before the suffix that it ends in");
    assert_eq!(report.shadowed.len(), 2);
    assert_ne!(catalogue.version(), small(&with.replace("pic.*", "pix.*")).unwrap().version());
    let mut unclean = catalogue.lint();
    unclean.retain(|f| matches!(f.kind, "dead_domain" | "duplicate" | "conflict"));
    assert!(unclean.is_empty(), "{unclean:?}");
    let twice = with.replacen("full = [\"pic.x", "pattern = [\"pic.*.cdn.example.com\"]\nfull = [\"pic.x", 1);
    assert!(small(&twice).unwrap().lint().iter().any(|f| f.kind == "conflict"), "two claim one pattern");
    for wrong in
        ["*.example.com", "pic*.a.example.com", "pic.*.com", "a.*.b.*.example.com", "pic.cdn.example.com"]
    {
        let error = small(&with.replace("pic.*.cdn.example.com", wrong)).unwrap_err().to_string();
        assert!(error.contains("is no pattern"), "{wrong}: {error}");
    }
    for wrong in ["p c.*.cdn.example.com", "PIC.*.cdn.example.com", "pic.*.cdn..example.com"] {
        let error = small(&with.replace("pic.*.cdn.example.com", wrong)).unwrap_err().to_string();
        assert!(error.contains("is no domain"), "{wrong}: {error}");
    }
}

#[test]
fn an_address_names_an_application_only_by_its_own_prefix() {
    let catalogue = small(FULL_AND_SUFFIX).unwrap();
    assert_eq!(catalogue.explain_match("192.0.2.7").app().map(|a| &**a), Some("three"));
    assert_eq!(catalogue.explain_match("192.0.2.7").shadowed.len(), 1, "the wider prefix lost");
    assert_eq!(catalogue.explain_match("2001:db8::1").app().map(|a| &**a), Some("three"));
    let shared = catalogue.explain_match("198.51.100.1");
    assert!(shared.app().is_none() && shared.winner.is_some());
    assert!(catalogue.explain_match("203.0.113.1").winner.is_none());
    assert_eq!(embedded().explain_match("149.154.167.50").app().map(|a| &**a), Some("telegram"));
}

#[test]
fn the_lint_finds_each_kind_of_fault() {
    for (from, to, kind) in [
        ("suffix = [\"example.com\"]", "suffix = [\"example.com\", \"www.example.com\"]", "dead_domain"),
        ("suffix = [\"example.com\"]", "suffix = [\"example.com\", \"example.com\"]", "duplicate"),
        ("suffix = [\"example.com\"]", "suffix = [\"example.com\", \"co.uk\"]", "public_suffix"),
        ("suffix = [\"example.com\"]", "suffix = [\"example.com\", \"cloudfront.net\"]", "rented_suffix"),
        ("full = [\"example.com\", ", "suffix = [\"example.com\"]\nfull = [", "conflict"),
        ("tags = [\"messaging\"]", "tags = [\"mesaging\"]", "unknown_tag"),
        ("tags = [\"messaging\"]", "tags = []", "no_tags"),
        ("tags = [\"messaging\"]", "tags = [\"messaging\"]\nrole = \"infrastructure\"", "missing_tag"),
        ("\"192.0.2.0/24\"", "\"96.0.0.0/4\"", "wide_prefix"),
        (
            "\"a.b.example.com\"]",
            "\"a.b.example.com\"]\n[[application.asns]]\nsource = \"curated\"\nrole = \"own\"\nasn = [64496]",
            "overlapping_as",
        ),
    ] {
        let clean = small(FULL_AND_SUFFIX).unwrap().lint();
        assert!(!clean.iter().any(|f| f.kind == kind), "{kind} before the fault");
        let found = small(&FULL_AND_SUFFIX.replacen(from, to, 1)).unwrap().lint();
        assert!(found.iter().any(|f| f.kind == kind), "{kind} not in {found:?}");
    }
    let unnamed = FULL_AND_SUFFIX.replace("own-service = true", "own-service = false");
    let found = small(&unnamed).unwrap().lint();
    assert!(found.iter().any(|f| f.kind == "dead_entry"), "neither prefix nor AS names it: {found:?}");
}

pub(super) const OWNED: &str = r#"
[[application]]
id = "one"
name = "One"
vendor = "V"
tags = ["messaging"]
[[application.packages]]
source = "curated"
os = "android"
id = ["com.example.One", "com.example.one.lite"]
label = ["One for Everybody Everywhere"]
[[application.processes]]
source = "curated"
os = "windows"
name = ["OneMessengerHelper.exe", "One.exe"]
[[application]]
id = "two"
name = "Two"
vendor = "V"
tags = ["messaging"]
[[application.processes]]
source = "curated"
confidence = "low"
name = ["OneMessengerTwo", "two"]
"#;

#[test]
fn packages_labels_and_executables_lead_to_their_application() {
    use OwnerKind::{Label, Package, Process};
    let catalogue = small(OWNED).unwrap();
    for (kind, name, want) in [
        (Package, "com.example.one", Some("one")),
        (Package, "com.example.one:push", Some("one")),
        (Package, "com.example.one.pro", None),
        (Package, "com.example", None),
        (Process, "one.EXE", Some("one")),
        (Process, "C:\\Program Files\\One\\One.exe", Some("one")),
        (Process, "/opt/two/two", Some("two")),
        (Process, "OneMessengerHel", Some("one")),
        (Process, "OneMessengerHelp", Some("one")),
        (Process, "OneMessenger", None),
        (Process, "com.example.one", None),
        (Label, "One for Everybody E", Some("one")),
        (Label, "One for Everybody", None),
    ] {
        let met = catalogue.owner(kind, name).map(|(a, _)| a.app.id.to_string());
        assert_eq!(met.as_deref(), want, "{} {name}", kind.word());
    }
    let ambiguous = OWNED.replace("OneMessengerTwo", "OneMessengerHello");
    let catalogue = small(&ambiguous).unwrap();
    assert!(
        catalogue.owner(Process, "OneMessengerHel").is_none(),
        "a cut name of two applications is nobody's"
    );
    let report = catalogue.explain_match("com.example.one.lite");
    assert_eq!(report.owners.len(), 1);
    assert_eq!(report.app(), None, "a package says nothing of a name on the wire");
    assert!(!catalogue.explain_match("two").owners[0].names_app, "low confidence");
}

proptest! {
    #[test]
    fn any_name_is_answered_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Some(name) = HostName::from_wire(&bytes) {
            let _ = embedded().match_name(&name);
        }
        let _ = embedded().explain_match(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_name_below_a_suffix_meets_it_or_a_longer_one(
        pick in any::<proptest::sample::Index>(),
        below in "[a-z0-9]{1,12}(\\.[a-z0-9]{1,12}){0,8}",
    ) {
        let catalogue = embedded();
        let suffixes: Vec<&DomainFact> = catalogue.applications.iter().flat_map(|a| &a.domains)
            .filter(|d| d.kind == DomainKind::Suffix).collect();
        let fact = pick.get(&suffixes);
        let name = HostName::from_wire(format!("{below}.{}", fact.domain).as_bytes()).unwrap();
        prop_assume!(name.is_valid());
        let (_, met) = catalogue.fact_above(&name).unwrap();
        prop_assert!(met.domain.len() >= fact.domain.len());
        prop_assert!(name.as_str().ends_with(&*met.domain));
    }
}
