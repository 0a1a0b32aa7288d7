//! The lint: what it finds in a catalogue, what it leaves alone, and how a finding is accepted.

use crate::appid::Catalogue;

fn lint_of(text: &str) -> Vec<String> {
    let sources =
        "[sources.s]\nname = \"s\"\ndate = \"2026-01-01\"\nlicence = \"fact\"\n[tags]\nvideo = \"video\"\n";
    let layers = vec![vec![("t.toml".to_owned(), format!("{sources}{text}"))]];
    let catalogue = Catalogue::from_layers(&layers).unwrap();
    catalogue.lint().iter().map(|f| format!("{} {}", f.kind, f.app)).collect()
}

const TWO_VENDORS: &str = r#"
    [[application]]
    id = "cheetah"
    name = "Cheetah"
    vendor = "A"
    tags = ["video"]
    [[application.domains]]
    source = "s"
    suffix = ["cheetah.example"]
    [[application]]
    id = "runner"
    name = "Runner"
    vendor = "B"
    tags = ["video"]
    [[application.domains]]
    source = "s"
    suffix = ["NAME"]
"#;

#[test]
fn a_name_below_another_vendors_name_is_a_finding_and_one_below_rented_machines_is_not() {
    let below = TWO_VENDORS.replace("NAME", "run.cheetah.example");
    assert_eq!(lint_of(&below), ["below_other runner"]);
    let rented = below.replacen("vendor = \"A\"", "vendor = \"A\"\n    role = \"platform\"", 1);
    assert_eq!(lint_of(&rented), [""; 0]);
    let same_vendor = below.replacen("vendor = \"B\"", "vendor = \"A\"", 1);
    assert_eq!(lint_of(&same_vendor), [""; 0]);
}

#[test]
fn a_name_that_carries_another_applications_name_is_a_finding() {
    assert_eq!(lint_of(&TWO_VENDORS.replace("NAME", "slowcheetah.org")), ["other_brand runner"]);
    assert_eq!(lint_of(&TWO_VENDORS.replace("NAME", "runs.example")), [""; 0]);
}

#[test]
fn a_finding_accepted_with_a_reason_is_silent_and_an_acceptance_without_a_finding_is_not() {
    let accepted = r#"
    [[application.accepted]]
    finding = "other_brand"
    about = ["slowcheetah.org"]
    reason = "another animal"
    "#;
    let text = TWO_VENDORS.replace("NAME", "slowcheetah.org") + accepted;
    assert_eq!(lint_of(&text), [""; 0]);
    let stale = TWO_VENDORS.replace("NAME", "runs.example") + accepted;
    assert_eq!(lint_of(&stale), ["stale_acceptance runner"]);
}

#[test]
fn a_source_much_older_than_the_youngest_is_a_finding() {
    let old = "[sources.old]\nname = \"o\"\ndate = \"2019-01-01\"\nlicence = \"fact\"\n";
    let text =
        format!("{old}{}", TWO_VENDORS.replace("NAME", "runs.example").replacen("\"s\"", "\"old\"", 1));
    assert_eq!(lint_of(&text), ["old_source -"]);
}
