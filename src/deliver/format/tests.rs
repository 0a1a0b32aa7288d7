//! Formats: their shape, and strings that try to break out of it.

use super::*;
use crate::deliver::{AlertDocument, to_line};
use crate::model::{Alert, AlertTransition, fixture};

const HOSTILE: [&str; 12] = [
    "a|b\\c=d",
    "line\nbreak\r\nand more",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{202e}gnp.exe",
    "next\u{85}line\u{2028}sep\u{2029}",
    "] \" [x y=\"z\"]",
    "CEF:0|x|y|z|1|n|10|src=6.6.6.6",
    "\0nul\u{7f}",
    "{\"event\":{\"id\":\"forged\"}}",
    "$(touch x) `id` ; rm -rf /",
    "<13>1 - forged",
    " dst=6.6.6.6 act=allowed",
];

fn document(alert: &Alert) -> Vec<u8> {
    to_line(&AlertDocument::numbered(alert, AlertTransition::Opened, 7)).unwrap()
}

fn hostile(text: &str) -> Alert {
    let mut alert = fixture::alert("aa11");
    alert.rule = text.into();
    alert.rule_name = text.into();
    alert.because = vec![text.into(), "second".into()];
    alert.device.name = Some(text.into());
    alert.remote.operator.name = Some(text.into());
    alert
}

const ALL: [Format; 5] = [Format::Ecs, Format::Cef, Format::Ocsf, Format::Eve, Format::Text];

#[test]
fn whatever_a_name_holds_one_event_is_one_harmless_line_in_every_format() {
    for text in HOSTILE {
        for format in ALL {
            let line = String::from_utf8(format.render(&document(&hostile(text)))).unwrap();
            let bad = line.chars().find(|c| c.is_control() || is_harmful(*c));
            assert_eq!(bad, None, "{format:?} of {text:?}: {line}");
            if format.is_json() {
                serde_json::from_str::<Value>(&line).unwrap();
            }
        }
    }
}

/// Reads a CEF line as its standard says: header fields, then pairs split at unescaped `=`.
fn read_cef(line: &str) -> (Vec<String>, Vec<(String, String)>) {
    let (mut fields, mut field, mut chars) = (Vec::new(), String::new(), line.chars());
    while fields.len() < 7 {
        match chars.next().expect("seven header fields") {
            '\\' => field.push(chars.next().unwrap()),
            '|' => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut value = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next().unwrap() {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                c => value.push(c),
            },
            '=' => {
                let (before, key) = value.rsplit_once(' ').unwrap_or(("", &value));
                let key = key.to_owned();
                if let Some(last) = pairs.last_mut() {
                    last.1 = before.to_owned();
                }
                pairs.push((key, String::new()));
                value.clear();
            }
            c => value.push(c),
        }
    }
    if let Some(last) = pairs.last_mut() {
        last.1 = value;
    }
    (fields, pairs)
}

#[test]
fn a_cef_line_reads_back_as_what_was_written() {
    for text in ["a|b\\c=d", "line\nbreak\r\nx", " dst=6.6.6.6 act=allowed", "trailing\\"] {
        let line = String::from_utf8(Format::Cef.render(&document(&hostile(text)))).unwrap();
        let (fields, pairs) = read_cef(&line);
        assert_eq!(&fields[..3], ["CEF:0", "whither", "whither"]);
        assert_eq!(fields[6], "8");
        let get = |key: &str| {
            let all: Vec<&str> = pairs.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str()).collect();
            assert!(all.len() < 2, "{key} twice in {line}");
            all.first().copied().unwrap_or_default()
        };
        assert_eq!(get("shost"), text, "{line}");
        assert_eq!(get("reason"), format!("{text}; second"));
        assert_eq!(get("externalId"), "aa11");
        assert_eq!(get("act"), "alert-opened");
        assert_eq!(get("cn2"), "7");
    }
}

#[test]
fn a_detection_finding_has_what_the_schema_demands() {
    let value: Value =
        serde_json::from_slice(&Format::Ocsf.render(&document(&fixture::alert("aa11")))).unwrap();
    assert_eq!(value["class_uid"], 2004);
    assert_eq!(value["type_uid"], 200_401);
    assert_eq!(value["metadata"]["version"], "1.6.0");
    assert_eq!(value["finding_info"]["uid"], "aa11");
    assert_eq!(value["metadata"]["sequence"], 7);
    assert!(value["time"].is_i64());
    assert!(value["severity_id"].as_u64().is_some_and(|s| (1..=6).contains(&s)));
    assert!(!value.to_string().contains(":null"), "{value}");
}

#[test]
fn a_flow_is_network_activity() {
    let flow = fixture::flow();
    let line = to_line(&crate::deliver::FlowDocument::new(&flow)).unwrap();
    let value: Value = serde_json::from_slice(&Format::Ocsf.render(&line)).unwrap();
    assert_eq!(value["class_uid"], 4001);
    assert_eq!(value["type_uid"].as_u64().unwrap(), 400_100 + value["activity_id"].as_u64().unwrap());
    assert!(value["src_endpoint"]["ip"].is_string() && value["dst_endpoint"]["ip"].is_string());
    assert!(!value.to_string().contains(":null"), "{value}");
}

#[test]
fn an_eve_line_has_suricatas_words() {
    let value: Value =
        serde_json::from_slice(&Format::Eve.render(&document(&fixture::alert("aa11")))).unwrap();
    assert_eq!(value["event_type"], "alert");
    let time = value["timestamp"].as_str().unwrap();
    assert!(time.ends_with("+0000") && time.as_bytes()[19] == b'.', "{time}");
    assert!(value["alert"]["signature_id"].as_u64().is_some_and(|id| id > 0 && id < 1 << 31));
    assert_eq!(value["alert"]["severity"], 2);
    assert_eq!(value["whither"]["sequence"], 7);
}

#[test]
fn a_damaged_document_is_an_empty_line_and_no_panic() {
    for format in ALL {
        for damaged in [&b"{}"[..], b"", b"\xff{", b"[1,2]", b"{\"event\":3}"] {
            let line = format.render(damaged);
            assert!(!line.contains(&b'\n'));
        }
    }
}
