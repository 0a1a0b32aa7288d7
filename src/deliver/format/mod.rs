//! The same event in the words of other systems: ECS (as it is kept), CEF, OCSF, Suricata's EVE, or one line for people.
//!
//! Every format is made from the ECS document that the store holds, so that a sink tells nothing that the store does not
//! know. One event is one line in every format, whatever a device, a name or a database put into it: characters that end,
//! turn or hide text are escaped, never dropped, for they are evidence.
//!
//! What it leaves alone: it sends nothing, and frames nothing (that is the sink's).

mod cef;
mod eve;
mod ocsf;
#[cfg(test)]
mod tests;
mod text;

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{is_harmful, write_json};

/// In whose words an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Elastic Common Schema JSON, as kept.
    Ecs,
    /// ArcSight Common Event Format, version 0.
    Cef,
    /// OCSF 1.6.0 JSON: alerts as Detection Finding (2004), flow records as Network Activity (4001).
    Ocsf,
    /// JSON in the shape of Suricata's `eve.json`.
    Eve,
    /// One line for people.
    Text,
}

impl Format {
    /// Whether its lines are JSON documents.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Ecs | Self::Ocsf | Self::Eve)
    }

    /// Whether flow records can be written so, too.
    pub const fn has_flows(self) -> bool {
        matches!(self, Self::Ecs | Self::Ocsf)
    }

    /// A line of ECS in this format.
    pub fn line(self, ecs: Vec<u8>) -> Vec<u8> {
        if self == Self::Ecs {
            return ecs;
        }
        let mut line = self.render(&ecs);
        line.push(b'\n');
        line
    }

    /// An event's document in this format: one line, without its end. A document that cannot be read (a damaged store)
    /// becomes an empty one, so that those after it still come through.
    pub fn render(self, document: &[u8]) -> Vec<u8> {
        if self == Self::Ecs {
            return document.trim_ascii_end().to_vec();
        }
        let document = Document::read(document);
        match self {
            Self::Ecs => Vec::new(),
            Self::Cef => cef::line(&document).into_bytes(),
            Self::Ocsf if document.text("/event/dataset") == "whither.flow" => {
                json(&ocsf::network_activity(&document))
            }
            Self::Ocsf => json(&ocsf::detection_finding(&document)),
            Self::Eve => json(&eve::alert(&document)),
            Self::Text => text::line(&document).into_bytes(),
        }
    }
}

fn json(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2048);
    // Writing to memory does not fail.
    let _never = write_json(&mut bytes, value);
    bytes
}

/// A kept document, asked by JSON pointer (RFC 6901). What is missing is empty or zero.
#[derive(Debug, Clone)]
pub struct Document(Value);

impl Document {
    /// Reads a document; a damaged one is empty.
    pub fn read(bytes: &[u8]) -> Self {
        Self(serde_json::from_slice(bytes).unwrap_or(Value::Null))
    }

    /// The value there.
    pub fn value(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// The text there.
    pub fn text(&self, pointer: &str) -> &str {
        self.value(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number there.
    pub fn number(&self, pointer: &str) -> u64 {
        self.value(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The texts of the array there.
    pub fn texts(&self, pointer: &str) -> Vec<&str> {
        let array = self.value(pointer).and_then(Value::as_array);
        array.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether it is a canary's.
    pub fn is_canary(&self) -> bool {
        self.value("/whither/canary").and_then(Value::as_bool) == Some(true)
    }

    /// The time there, in milliseconds since 1970.
    fn millis(&self, pointer: &str) -> Option<i64> {
        self.text(pointer).parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
    }

    /// `info` to `critical`, also of a digest, which has no alert of its own.
    pub fn severity(&self) -> &'static str {
        match self.number("/event/severity") {
            5 => "critical",
            4 => "high",
            3 => "medium",
            2 => "low",
            _ => "info",
        }
    }
}

/// Appends `text` with everything that could end, turn or hide a line written as `\u{…}`.
pub(super) fn push_safe(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() || is_harmful(c) {
            let _never = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
}

/// `text` as [`push_safe`] writes it.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_safe(&mut out, text);
    out
}
