//! A checker for the JSON Schemas in docs/reference: the keywords that they use, and no others.
//!
//! A keyword that it does not know is a failure and not passed over, so that nothing goes unchecked unseen.
//! It is stricter than JSON Schema in one point: a key that no schema describes is a failure too.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A committed schema.
pub(crate) struct Schema(Value);

/// Keywords that explain and do not limit; those of keys, which are looked at apart; those that were met.
const REMARKS: [&str; 10] = [
    "$schema",
    "$defs",
    "title",
    "description",
    "format",
    "default",
    "properties",
    "additionalProperties",
    "enum",
    "const",
];

impl Schema {
    /// The schema of that document: `flow`, `alert`, `summary`.
    pub(crate) fn of(document: &str) -> Self {
        let path = format!("docs/reference/{document}.schema.json");
        let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).expect("a committed schema");
        Self(serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{path}: {e}")))
    }

    /// Every way in which `value` is not what the schema says.
    pub(crate) fn faults(&self, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.look(&self.0, value, "", &mut faults);
        faults
    }

    fn look(&self, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
        let Some(rules) = schema.as_object() else { return };
        for (keyword, rule) in rules {
            match keyword.as_str() {
                "$ref" => {
                    let target = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    let target = self.0.pointer(target).expect("a definition");
                    self.look(target, value, path, faults);
                }
                "type" => {
                    let is = |name: &Value| has_type(value, name.as_str().unwrap());
                    if !(if let Some(list) = rule.as_array() { list.iter().any(is) } else { is(rule) }) {
                        faults.push(format!("{path}: {value} is not of type {rule}"));
                    }
                }
                "anyOf" => {
                    let fits = |choice: &Value| {
                        let mut inner = Vec::new();
                        self.look(choice, value, path, &mut inner);
                        inner.is_empty()
                    };
                    if !rule.as_array().unwrap().iter().any(fits) {
                        faults.push(format!("{path}: {value} fits none of the choices"));
                    }
                }
                "enum" if !rule.as_array().unwrap().contains(value) => {
                    faults.push(format!("{path}: {value} is none of {rule}"));
                }
                "const" if rule != value => faults.push(format!("{path}: {value} is not {rule}")),
                "minimum" | "maximum" => {
                    let (low, n) = (keyword == "minimum", value.as_f64());
                    let bound = rule.as_f64().unwrap();
                    if n.is_some_and(|n| if low { n < bound } else { n > bound }) {
                        faults.push(format!("{path}: {value} is beyond {rule}"));
                    }
                }
                "minItems" | "maxItems" => {
                    let (low, n) = (keyword == "minItems", value.as_array().map(|a| a.len() as u64));
                    let bound = rule.as_u64().unwrap();
                    if n.is_some_and(|n| if low { n < bound } else { n > bound }) {
                        faults.push(format!("{path}: {value} has a length beyond {rule}"));
                    }
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.look(rule, item, &format!("{path}[]"), faults);
                    }
                }
                "required" => {
                    for key in rule.as_array().unwrap() {
                        if value.is_object() && value.get(key.as_str().unwrap()).is_none() {
                            faults.push(format!("{path}: {key} is missing"));
                        }
                    }
                }
                remark if REMARKS.contains(&remark) => {}
                other => faults.push(format!("{path}: the checker does not know the keyword {other}")),
            }
        }
        if rules
            .get("type")
            .is_some_and(|t| *t == "object" || t.as_array().is_some_and(|a| a.contains(&"object".into())))
        {
            self.keys(schema, value, path, faults);
        }
    }

    fn keys(&self, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
        for (key, inner) in value.as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            match (schema["properties"].get(key), schema.get("additionalProperties")) {
                (Some(property), _) => self.look(property, inner, &path, faults),
                (None, Some(more)) if more.is_object() => self.look(more, inner, &path, faults),
                _ => faults.push(format!("{path} is not described")),
            }
        }
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type of JSON Schema: {other}"),
    }
}

#[test]
fn each_kind_of_fault_is_found() {
    let schema = Schema(serde_json::json!({
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 0},
            "list": {"type": "array", "items": {"$ref": "#/$defs/word"}},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "maybe": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/word"}]},
        },
        "required": ["n"],
        "$defs": {"word": {"type": "string"}},
    }));
    let good = serde_json::json!({"n": 1, "list": ["a"], "map": {"x": 1}, "maybe": null});
    assert_eq!(schema.faults(&good), [""; 0]);
    for (bad, fault) in [
        (serde_json::json!({}), ": \"n\" is missing"),
        (serde_json::json!({"n": -1}), ".n: -1 is beyond 0"),
        (serde_json::json!({"n": "1"}), ".n: \"1\" is not of type \"integer\""),
        (serde_json::json!({"n": 1, "list": [1]}), ".list[]: 1 is not of type \"string\""),
        (serde_json::json!({"n": 1, "map": {"x": "y"}}), ".map.x: \"y\" is not of type \"integer\""),
        (serde_json::json!({"n": 1, "maybe": 1}), ".maybe: 1 fits none of the choices"),
        (serde_json::json!({"n": 1, "more": 1}), ".more is not described"),
    ] {
        assert_eq!(schema.faults(&bad), [fault]);
    }
}
