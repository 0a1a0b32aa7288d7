//! The template is the default, and has every key.

use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::from_text(text, Path::new("test.toml"))
}

#[test]
fn the_template_is_the_default_configuration() {
    assert_eq!(parse(TEMPLATE).unwrap(), Config::default());
}

#[test]
fn the_template_names_every_key() {
    let defaults = toml::Table::try_from(Config::default()).unwrap();
    for (section, value) in &defaults {
        let toml::Value::Table(table) = value else { continue };
        assert!(TEMPLATE.contains(&format!("[{section}]")), "section [{section}] is missing");
        for key in table.keys() {
            let written = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} ="));
            let listed =
                |line: &str| line.trim_start_matches("# ").starts_with(&format!("[[{section}.{key}]]"));
            assert!(
                TEMPLATE.lines().any(|l| written(l) || listed(l)),
                "key `{key}` of [{section}] is missing"
            );
        }
    }
}

#[test]
fn writing_and_reading_changes_nothing() {
    let text = toml::to_string(&Config::default()).unwrap();
    assert_eq!(parse(&text).unwrap(), Config::default());
}

#[test]
fn a_typo_is_an_error_that_names_the_line() {
    let message = parse("version = 1\n[meter]\nmax-flow = 3\n").unwrap_err().to_string();
    assert!(
        message.contains("test.toml") && message.contains("line 3") && message.contains("max-flow"),
        "{message}"
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let message = parse("version = 2\n[daemon]\nstats-interval = '0s'\nstop-deadline = '3d'\n")
        .unwrap_err()
        .to_string();
    for part in ["`version`", "`daemon.stats-interval`", "`daemon.stop-deadline`", "3 problem"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
}

#[test]
fn a_file_with_a_secret_that_everybody_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let with = |url: &str, mode| {
        let text = format!("[[deliver.sink]]\nname = 'x'\nkind = 'webhook'\nurl = '{url}'\n");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Config::from_file(&path).map(|_| ()).map_err(|e| e.to_string())
    };
    for url in ["https://soc.example/in?key=CANARY", "https://soc.example/hook/CANARY0123456789abcdef"] {
        let refused = with(url, 0o644).unwrap_err();
        assert!(refused.contains("`deliver.sink[0].url`") && refused.contains("chmod o-rwx"), "{refused}");
        assert!(!refused.contains("CANARY"), "{refused}");
        assert_eq!(with(url, 0o640), Ok(()), "a group is only warned of");
    }
    assert_eq!(with("https://soc.example/alerts", 0o644), Ok(()), "nothing in it is a secret");
}
