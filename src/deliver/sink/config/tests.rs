//! Tests of the configuration of sinks.

use super::*;

fn problems(text: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct File {
        sink: Vec<SinkConfig>,
    }
    let file: File = toml::from_str(text).unwrap();
    let mut problems = Vec::new();
    validate(&file.sink, &mut problems);
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn sinks_of_every_kind_are_accepted() {
    let text = r#"
        sink = [
          { name = "copy", kind = "file", path = "copy.jsonl", format = "ocsf" },
          { name = "siem", kind = "syslog", transport = "tls", address = "[2001:db8::1]:6514", format = "cef" },
          { name = "here", kind = "syslog", min-severity = "high" },
          { name = "soc", kind = "webhook", url = "https://soc.example/alerts", secret-file = "/etc/whither/key", budget = 0 },
          { name = "chat", kind = "webhook", url-file = "/etc/whither/slack", template = "slack" },
          { name = "run", kind = "command", command = ["/usr/local/bin/notify", "$(touch x)"] },
          { name = "admin", kind = "mail", address = "mail.example:465", from = "w@example.org", to = ["a@example.org"], security = "tls" },
          { name = "journal", kind = "journal" },
          { name = "copy", kind = "file", path = "flows.jsonl", format = "ocsf", what = "flows" },
          { name = "block", kind = "nftables", table = "inet filter", set = "flagged", hold = "1h" },
        ]"#;
    assert_eq!(problems(text), [""; 0]);
}

#[test]
fn every_problem_of_every_sink_is_named_with_its_place() {
    let text = r#"
        sink = [
          { name = "A b", kind = "webhook", min-severity = "bad", budget = 1 },
          { name = "x", kind = "webhook", url = "file:///etc/passwd" },
          { name = "y", kind = "webhook", url = "https://hooks.slack.example/T/B/x", template = "slack" },
          { name = "z", kind = "webhook", url = "https://user:pw@host/" },
          { name = "c", kind = "command", command = ["notify"], set = "x" },
          { name = "c", kind = "command", command = ["/notify"] },
          { name = "m", kind = "mail", address = "h:25", from = "a@b\r\nRCPT TO:<x@y>", to = [], username = "u", security = "none" },
          { name = "n", kind = "nftables", table = "inet filter; flush ruleset", set = "a b" },
          { name = "s", kind = "syslog", transport = "tcp", facility = 24, rfc = 1 },
          { name = "f", kind = "webhook", url = "https://h/", what = "flows", format = "eve", min-severity = "high" },
        ]"#;
    let found = problems(text).join("\n");
    for part in [
        "`deliver.sink[0].name`",
        "sink[0].min-severity",
        "sink[0].budget",
        "sink[0].url",
        "sink[1].url",
        "sink[2].url",
        "sink[3].url",
        "sink[4].command",
        "sink[4].set`: is no key of kind `command`",
        "sink[5].name",
        "sink[6].from",
        "sink[6].to",
        "sink[6].username",
        "sink[6].security",
        "sink[7].table",
        "sink[7].set",
        "sink[8].address",
        "sink[8].facility",
        "sink[8].rfc",
        "sink[9].what",
        "sink[9].format",
        "sink[9].min-severity",
    ] {
        assert!(found.contains(part), "{part} is missing in:\n{found}");
    }
}
