//! Files of a catalogue: layers, the version, folders, what is refused and how it is said, and the configuration of it.

use super::catalogue::{FULL_AND_SUFFIX, OWNED};
use super::*;
use crate::model::Problem;

#[test]
fn a_later_layer_overrides_an_application_whole_and_says_so() {
    let mine =
        FULL_AND_SUFFIX.split("[[application]]").nth(1).map(|t| format!("[[application]]{t}")).unwrap();
    let mine = mine.replace("example.com", "example.net").replace("One", "Mine");
    let catalogue = layered(&[("shipped.toml", FULL_AND_SUFFIX), ("mine.toml", &mine)]).unwrap();
    assert_eq!(&*catalogue.show("one").unwrap().app.name, "Mine");
    assert!(catalogue.explain_match("www.example.com").winner.is_none(), "the old domain is gone");
    assert_eq!(catalogue.explain_match("www.example.net").app().map(|a| &**a), Some("one"));
    assert_eq!(catalogue.notes(), ["application `one` of `shipped.toml` is overridden by `mine.toml`"]);
    assert_ne!(catalogue.version(), small(FULL_AND_SUFFIX).unwrap().version());
}

#[test]
fn an_admins_application_wins_a_domain_over_a_shipped_one() {
    let mine =
        FULL_AND_SUFFIX.split("[[application]]").nth(1).map(|t| format!("[[application]]{t}")).unwrap();
    let mine = mine.replace("\"one\"", "\"zz-mine\"");
    let catalogue = layered(&[("shipped.toml", FULL_AND_SUFFIX), ("mine.toml", &mine)]).unwrap();
    assert_eq!(catalogue.explain_match("www.example.com").app().map(|a| &**a), Some("zz-mine"));
    assert!(catalogue.lint().iter().any(|f| f.kind == "conflict" && &*f.app == "one"), "and the lint tells");
}

#[test]
fn the_version_hangs_on_facts_and_not_on_comments_or_order() {
    let base = small(FULL_AND_SUFFIX).unwrap().version();
    assert_eq!(base.len(), 16);
    assert_eq!(base, small(&format!("# a comment\n{FULL_AND_SUFFIX}")).unwrap().version());
    let turned = FULL_AND_SUFFIX
        .replace(r#"["example.com", "a.b.example.com"]"#, r#"["a.b.example.com", "example.com"]"#);
    assert_eq!(base, small(&turned).unwrap().version());
    assert_ne!(base, small(&FULL_AND_SUFFIX.replace("low.example", "l0w.example")).unwrap().version());
}

#[test]
fn folders_are_read_and_their_errors_name_the_place() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine.toml"), FULL_AND_SUFFIX).unwrap();
    std::fs::write(dir.path().join("README.md"), "not a catalogue").unwrap();
    let config = CatalogueConfig { folders: vec![dir.path().to_owned()] };
    let catalogue = Catalogue::load(&config).unwrap();
    assert_eq!(catalogue.len(), embedded().len() + 3);
    assert_eq!(catalogue.explain_match("www.example.com").app().map(|a| &**a), Some("one"));
    let gone = CatalogueConfig { folders: vec![dir.path().join("gone")] };
    let error = Catalogue::load(&gone).unwrap_err().to_string();
    assert!(error.contains("gone") && error.contains("catalogue.folders"), "{error}");
}

#[test]
fn wrong_files_are_refused_with_file_line_application_and_fact() {
    let good = FULL_AND_SUFFIX;
    for (from, to, want) in [
        ("vendor = \"V\"", "wendor = \"V\"", "test.toml:5"),
        (
            "\"example.com\", \"a",
            "\"Example.com\", \"a",
            "test.toml:17: application `two`: `Example.com` is no domain",
        ),
        ("[\"example.com\"]", "[\"com\"]", "application `one`: `com` is no domain"),
        ("source = \"curated\"", "source = \"gossip\"", "source `gossip` is not defined"),
        ("id = \"two\"", "id = \"one\"", "test.toml:11: application `one`: this id stands twice"),
        ("id = \"two\"", "id = \"Two!\"", "application `Two!`: an id has"),
        ("192.0.2.0/24", "192.0.2.1/24", "`192.0.2.1/24` is no prefix"),
        (
            "name = \"One\"",
            "name = \"One\"\nvendor-country = \"CN\"",
            "`vendor-country` needs a `vendor-country-source`",
        ),
        (
            "name = \"One\"",
            "name = \"One\"\nvendor-country = \"EU\"\nvendor-country-source = \"curated\"",
            "is no country",
        ),
        ("name = \"One\"", "name = \"One\"\nrole = \"boss\"", "test.toml:5"),
        ("role = \"own\"", "role = \"cdn\"", "needs `role = \"own\"`"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "`{from}` must stand in the good file");
        let error = small(&text).unwrap_err().to_string();
        assert!(error.contains(want), "{from} -> {to}: {error}");
    }
}

#[test]
fn owners_are_checked_and_linted() {
    for (from, to, want) in [
        ("com.example.One\"", "One\"", "`One` is no package"),
        ("\"One.exe\"", "\"C:/One.exe\"", "is no executable"),
        ("\"One.exe\"", "\"x\"", "is no name"),
        ("os = \"windows\"", "os = \"dos\"", "unknown variant"),
    ] {
        let error = small(&OWNED.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(want), "{from} -> {to}: {error}");
    }
    for (from, to, kind) in [
        ("\"One.exe\"", "\"java.exe\"", "generic_owner"),
        ("\"One.exe\"", "\"onemessengerhelper.EXE\"", "duplicate"),
        (", \"two\"]", ", \"one.exe\"]", "conflict"),
    ] {
        assert!(!small(OWNED).unwrap().lint().iter().any(|f| f.kind == kind), "{kind} before the fault");
        let found = small(&OWNED.replacen(from, to, 1)).unwrap().lint();
        assert!(found.iter().any(|f| f.kind == kind), "{kind} not in {found:?}");
    }
}

#[test]
fn the_configuration_is_checked_with_key_paths() {
    let mut problems: Vec<Problem> = Vec::new();
    CatalogueConfig { folders: vec!["".into()] }.validate(&mut problems);
    assert_eq!(problems[0].key, "catalogue.folders[0]");
    problems.clear();
    CatalogueConfig::default().validate(&mut problems);
    assert!(problems.is_empty());
}
