//! Makers of flows as captures and hosts tell them: packages, labels, executables.

use super::*;

const MADE: &str = r#"
[[application]]
id = "one"
name = "One"
vendor = "V"
tags = ["messaging"]
[[application.packages]]
source = "curated"
id = ["com.example.one"]
label = ["One"]
[[application.processes]]
source = "curated"
name = ["one.exe"]
[[application.domains]]
source = "curated"
suffix = ["one.example"]
[[application]]
id = "sdk"
name = "Sdk"
vendor = "W"
tags = ["messaging"]
[[application.domains]]
source = "curated"
suffix = ["sdk.example"]
"#;

#[test]
fn the_maker_of_a_flow_names_it_and_the_networks_answer_stays_beside_it() {
    let catalogue = || Arc::new(small(MADE).unwrap());
    let label = |text: &str| Label::new(text.as_bytes());
    let call = || case().name(NameOrigin::TlsSni, "api.sdk.example");
    let by_package = |m: &mut ProcessRef| m.package = label("com.example.one");
    let owned = call().made_by(OriginSource::PcapdroidBlock, by_package).identify_by(catalogue());
    assert_eq!(said(&owned), (Some("one"), Some(Tier::A), Some("package")));
    assert_eq!(owned.evidence[0].matched.as_deref(), Some("package com.example.one"));
    let network = *owned.network.unwrap();
    assert_eq!(network, call().identify_by(catalogue()), "worked out as if the maker were not known");
    let by_name = |m: &mut ProcessRef| m.executable = label("C:\\Apps\\One.exe");
    let process = call().made_by(OriginSource::Socket, by_name).identify_by(catalogue());
    assert_eq!(said(&process), (Some("one"), Some(Tier::A), Some("process")));
    let own_word = |m: &mut ProcessRef| m.name = label("One.exe");
    let said_itself = call().made_by(OriginSource::Socket, own_word).identify_by(catalogue());
    assert_eq!(
        said(&said_itself),
        (Some("one"), Some(Tier::B), Some("process")),
        "anybody may call itself that"
    );
    let stranger = |m: &mut ProcessRef| {
        m.package = label("com.example.other");
        m.name = label("One");
    };
    let other = call().made_by(OriginSource::PcapdroidBlock, stranger).identify_by(catalogue());
    assert_eq!(
        said(&other),
        (Some("sdk"), Some(Tier::B), Some("tls_sni")),
        "a name does not outweigh the package"
    );
    let lookup = case().name(NameOrigin::DnsQuestion, "one.example");
    let asked = lookup.made_by(OriginSource::PcapdroidBlock, by_package).identify_by(catalogue());
    assert_eq!(asked.app, None, "the system looks names up for all");
}

#[test]
fn a_label_names_its_application_only_whole_and_where_it_is_one_package() {
    let text = MADE
        .replace("label = [\"One\"]\n", "")
        .replace("name = \"One\"", "name = \"One for All of Us / Uno\"");
    let said_of = |text: &str, uid: u32, name: &str| {
        let maker = |m: &mut ProcessRef| (m.uid, m.name) = (Some(uid), Label::new(name.as_bytes()));
        let flow = case().name(NameOrigin::TlsSni, "api.sdk.example");
        let said_ =
            flow.made_by(OriginSource::PcapdroidTrailer, maker).identify_by(Arc::new(small(text).unwrap()));
        (said(&said_).0.map(str::to_owned), said_)
    };
    let named = |name: &str| said_of(&text, 10_142, name).0;
    assert_eq!(named("uno").as_deref(), Some("one"), "its own name, whatever the case");
    assert_eq!(said_of(&text, 10_142, "Uno").1.tier, Some(Tier::A));
    assert_eq!(said_of(&text, 1_110_142, "Uno").0.as_deref(), Some("one"), "of another user of the phone");
    for stranger in ["Uno Reader", "Un", "One", "One for All of Us 2"] {
        assert_eq!(named(stranger).as_deref(), Some("sdk"), "{stranger}");
    }
    assert_eq!(said_of(&text, 1000, "Uno").0.as_deref(), Some("sdk"), "the system's id is many programs'");
    let (app, cut) = said_of(&text.replace("All of Us", "Everybody Else"), 10_142, "One for Everybody E");
    assert_eq!(app.as_deref(), Some("sdk"), "cut short it may be another's");
    assert!(
        cut.evidence.iter().any(|e| e.matched.is_some() && &*e.value == "One for Everybody E"),
        "{cut:?}"
    );
    let twice = text.replace("name = \"Sdk\"", "name = \"Uno\"")
        + "[[application.packages]]\nsource = \"curated\"\nid = [\"com.example.sdk\"]\n";
    assert_eq!(said_of(&twice, 10_142, "Uno").1.tier, Some(Tier::B), "two are called so: nobody is");
    let everyday = text.replace("/ Uno", "/ Session");
    assert_eq!(said_of(&everyday, 10_142, "Session").0.as_deref(), Some("sdk"), "anything may be called so");
}
