//! ArcSight Common Event Format, version 0: a header between bars, then `key=value` pairs.
//!
//! Escaping by the implementation standard: `\` and `|` in the header, `\`, `=`, CR and LF in values. CEF:0 has IPv4
//! addresses in `src` and `dst`; IPv6 ones stand in `c6a2` and `c6a3`, as the standard says.

use std::fmt::Write;
use std::net::IpAddr;

use crate::deliver::json::is_harmful;

use super::Document;

/// The event as one line.
pub(super) fn line(document: &Document) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str("CEF:0");
    let name = match document.text("/rule/name") {
        "" => document.text("/event/action"),
        name => name,
    };
    let rule = match document.text("/rule/id") {
        "" => document.text("/event/action"),
        rule => rule,
    };
    for field in ["whither", "whither", env!("CARGO_PKG_VERSION"), rule, name] {
        out.push('|');
        header(&mut out, field);
    }
    out.push('|');
    out.push_str(severity(document.number("/event/severity")));
    out.push('|');
    let mut extension = Extension { out, first: true };
    extend(&mut extension, document);
    extension.out
}

fn extend(extension: &mut Extension, document: &Document) {
    for (key, pointer) in [("rt", "/@timestamp"), ("start", "/event/start"), ("end", "/event/end")] {
        if let Some(millis) = document.millis(pointer) {
            extension.add(key, &millis.to_string());
        }
    }
    address(extension, document.text("/source/ip"), "src", "c6a2", "Source IPv6 Address");
    address(extension, document.text("/destination/ip"), "dst", "c6a3", "Destination IPv6 Address");
    for (key, pointer) in [
        ("externalId", "/event/id"),
        ("act", "/event/action"),
        ("shost", "/whither/device/name"),
        ("dhost", "/destination/domain"),
        ("app", "/network/application"),
        ("msg", "/message"),
        ("reason", "/event/reason"),
    ] {
        extension.add(key, document.text(pointer));
    }
    // CEF writes MAC addresses with colons, ECS with dashes.
    extension.add("smac", &document.text("/source/mac").replace('-', ":"));
    for (key, pointer) in [("out", "/whither/bytes_up"), ("in", "/whither/bytes_down")] {
        extension.add(key, &document.number(pointer).to_string());
    }
    for (key, label, pointer) in [
        ("cs1", "country", "/whither/alert/country"),
        ("cs2", "role", "/whither/alert/role"),
        ("cs3", "operator", "/whither/remote/operator/name"),
        ("cs4", "device", "/whither/device/id"),
        ("cs5", "payload", "/whither/alert/payload/state"),
    ] {
        labelled(extension, key, label, document.text(pointer));
    }
    for (key, label, pointer) in
        [("cn1", "flows", "/whither/alert/flows"), ("cn2", "sequence", "/event/sequence")]
    {
        labelled(extension, key, label, &document.number(pointer).to_string());
    }
}

fn address(extension: &mut Extension, text: &str, v4: &str, v6: &str, label: &str) {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => extension.add(v4, text),
        Ok(IpAddr::V6(_)) => labelled(extension, v6, label, text),
        Err(_) => {}
    }
}

fn labelled(extension: &mut Extension, key: &str, label: &str, value: &str) {
    if !value.is_empty() {
        extension.add(&format!("{key}Label"), label);
        extension.add(key, value);
    }
}

/// The pairs, as far as they are written.
struct Extension {
    out: String,
    first: bool,
}

impl Extension {
    /// Adds a pair; nothing for an empty value.
    fn add(&mut self, key: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.first {
            self.out.push(' ');
        }
        self.first = false;
        self.out.push_str(key);
        self.out.push('=');
        for c in text.chars() {
            match c {
                '\\' | '=' => self.out.extend(['\\', c]),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                c => hidden(&mut self.out, c),
            }
        }
    }
}

fn header(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' | '|' => out.extend(['\\', c]),
            c => hidden(out, c),
        }
    }
}

/// A character that must not stand there raw is written as an (escaped) `\u{…}`.
fn hidden(out: &mut String, c: char) {
    if c.is_control() || is_harmful(c) {
        let _never = write!(out, "\\\\u{{{:x}}}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// 0–3 low, 4–6 medium, 7–8 high, 9–10 very high.
const fn severity(number: u64) -> &'static str {
    match number {
        5 => "10",
        4 => "8",
        3 => "5",
        2 => "3",
        _ => "1",
    }
}
