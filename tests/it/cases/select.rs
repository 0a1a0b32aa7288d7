//! Choosing parts of a document by path: `ledger.packets.read`, `applications[].destinations[].country`.
//!
//! `[]` goes through a list and gives a list; `.` is the whole document. What is not there is `null`.

use serde_json::{Map, Value};

/// What `path` leads to.
pub(super) fn at(value: &Value, path: &str) -> Value {
    if path.is_empty() || path == "." {
        return value.clone();
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(key) = step.strip_suffix("[]") else {
        return at(&value[step], rest);
    };
    let list = if key.is_empty() { value } else { &value[key] };
    let inner = list.as_array().into_iter().flatten().map(|one| at(one, rest));
    // A list within a list is written out flat: the order says where a value stood.
    if rest.contains("[]") {
        inner.flat_map(|v| v.as_array().cloned().unwrap_or_default()).collect()
    } else {
        inner.collect()
    }
}

/// The chosen parts of a document, each under its path.
pub(super) fn parts(document: &Value, paths: &[String]) -> Value {
    if paths == ["."] {
        return document.clone();
    }
    Value::Object(paths.iter().map(|path| (path.clone(), at(document, path))).collect::<Map<_, _>>())
}

#[test]
fn paths_lead_through_lists() {
    let document = serde_json::json!({"a": [{"b": [{"c": 1}, {"c": 2}]}, {"b": [{"c": 3}]}], "d": {"e": 4}});
    assert_eq!(at(&document, "a[].b[].c"), serde_json::json!([1, 2, 3]));
    assert_eq!(at(&document, "d.e"), 4);
    assert_eq!(at(&document, "d.x.y"), Value::Null);
}
