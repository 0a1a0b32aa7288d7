//! `whither read --verify RESULT`: reads the captures again and holds the result against a published one.
//!
//! Everything is compared: the captures by their checksums, the grounds (program, catalogue, policy, databases), and every
//! figure. Where only the folder of a capture differs, its bytes decide.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::output::{self, Failure};

/// Differences shown; one cause often makes thousands.
const SHOWN: usize = 40;
/// Characters of a value in a line.
const LONGEST: usize = 80;

/// A published result.
pub(super) struct Published {
    path: PathBuf,
    document: Value,
}

impl Published {
    /// Reads a summary document that `whither read --format json` wrote.
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let wrong = |why: String| {
            Failure::Usage(format!(
                "--verify {}: {why}; expected a summary that `whither read --format json` wrote",
                path.display()
            ))
        };
        let bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let document: Value = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
        let has = |key: &str, is: fn(&Value) -> bool| document.get(key).is_some_and(is);
        if !has("captures", Value::is_array) || !has("provenance", Value::is_object) {
            return Err(wrong("it has no `captures` and `provenance`".to_owned()));
        }
        Ok(Self { path: path.to_owned(), document })
    }

    /// The captures that it was made from, as it names them.
    pub(super) fn captures(&self) -> Vec<PathBuf> {
        let list = self.document.get("captures").and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|c| c.get("path")?.as_str()).map(PathBuf::from).collect()
    }

    /// Holds `fresh` against it, and says what differs; whether nothing does.
    pub(super) fn compare(&self, fresh: &Value) -> Result<bool, Failure> {
        let mut found = Vec::new();
        differences("", &self.document, fresh, &mut found);
        if found.is_empty() {
            output::print(&format!(
                "{}: the same result, in every figure and on the same grounds",
                self.path.display()
            ))?;
            return Ok(true);
        }
        let grounds = found.iter().filter(|d| d.starts_with("provenance")).count();
        let mut text = format!("{}: {} differences", self.path.display(), found.len());
        if grounds > 0 {
            let _ = write!(
                text,
                ", {grounds} of them in the grounds (another program, catalogue, policy or database): figures may differ for that"
            );
        }
        for difference in found.iter().take(SHOWN) {
            text.push_str("\n  ");
            text.push_str(difference);
        }
        if found.len() > SHOWN {
            let _ = write!(text, "\n  … and {} more", found.len() - SHOWN);
        }
        output::print(&text)?;
        Ok(false)
    }
}

/// Lists every place in which two documents differ, by its path.
fn differences(path: &str, published: &Value, fresh: &Value, found: &mut Vec<String>) {
    match (published, fresh) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let deeper = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let none = Value::Null;
                differences(&deeper, a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            let none = Value::Null;
            for at in 0..a.len().max(b.len()) {
                let pair = (a.get(at).unwrap_or(&none), b.get(at).unwrap_or(&none));
                differences(&format!("{path}[{at}]"), pair.0, pair.1, found);
            }
        }
        _ if is_place(path) => {}
        (a, b) if a != b => found.push(format!("{path}: {} → {}", shown(a), shown(b))),
        _ => {}
    }
}

/// Where a capture lies is no part of the result; its checksum is.
fn is_place(path: &str) -> bool {
    path.starts_with("captures[") && path.ends_with("].path")
}

fn shown(value: &Value) -> String {
    let text = output::plain(&value.to_string());
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(a: &Value, b: &Value) -> Vec<String> {
        let mut found = Vec::new();
        differences("", a, b, &mut found);
        found
    }

    #[test]
    fn every_difference_is_named_by_its_place_and_the_folder_is_none() {
        let a = json!({"captures": [{"path": "/a/x.pcap", "sha256": "1"}], "totals": {"flows": 3}, "alerts": [1]});
        let b = json!({"captures": [{"path": "x.pcap", "sha256": "2"}], "totals": {"flows": 4}, "alerts": [1, 2]});
        assert_eq!(
            found(&a, &b),
            ["alerts[1]: null → 2", "captures[0].sha256: \"1\" → \"2\"", "totals.flows: 3 → 4"]
        );
        assert!(found(&a, &a).is_empty());
    }
}
