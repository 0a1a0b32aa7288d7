//! JSON Schemas of the public documents, generated from the code by tests, and compared with the committed ones.

use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::json::is_harmful;

/// The schema of what is written for `T`.
pub(crate) fn schema<T: schemars::JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = serde_json::to_value(generator.into_root_schema_for::<T>()).unwrap();
    never_null(&mut schema);
    schema
}

/// A property that may be left out is never `null` instead; the generator cannot know that.
fn never_null(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if required.contains(&Value::from(name.as_str())) {
            continue;
        }
        for list in ["type", "anyOf"] {
            let Some(Value::Array(choices)) = property.get_mut(list) else { continue };
            choices.retain(|c| c != "null" && c["type"] != "null");
            if let [only] = choices.as_slice() {
                let only = only.clone();
                if list == "type" {
                    property["type"] = only;
                } else {
                    property.as_object_mut().unwrap().remove("anyOf");
                    property["$ref"] = only["$ref"].clone();
                }
            }
        }
    }
    for definition in schema.get_mut("$defs").and_then(Value::as_object_mut).into_iter().flatten() {
        never_null(definition.1);
    }
}

/// Compares with a file of the repository, or writes it. What could turn the text of the file is escaped in it.
pub(crate) fn expect(path: &str, value: &Value) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let pretty = serde_json::to_string_pretty(value).unwrap();
    let escape = |c: char| if is_harmful(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    let text = format!("{}\n", pretty.chars().map(escape).collect::<String>());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(
        committed == *value,
        "{} is not what the code gives; run with UPDATE_EXPECT=1:\n{text}",
        path.display()
    );
}
