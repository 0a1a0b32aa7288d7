//! Asking the store: flows, alerts, roll-ups, totals. Every filter is bound as a value, never written into the question.

mod alerts;
mod flows;
mod rollups;

pub use alerts::{AlertFilter, Note, StoredAlert};
#[cfg(test)]
pub(super) use flows::question as flows_question;
pub use flows::{FlowFilter, StoredFlow};
pub use rollups::{RollupFilter, RollupRow, Span, Totals};

use rusqlite::types::Value;

/// Conditions joined by AND, with their values in order.
#[derive(Debug, Default)]
struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition with one `?`.
    fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.text.push_str(if self.text.is_empty() { " WHERE " } else { " AND " });
        self.text.push_str(condition);
        self.values.push(value.into());
    }

    /// Adds a condition where there is a value for it.
    fn add_some(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(condition, value);
        }
    }

    /// Adds "in one of the roles": `country` as it is kept, without its mark of doubt.
    fn add_country(&mut self, country: Option<&str>) {
        let Some(country) = country else { return };
        self.text.push_str(if self.text.is_empty() { " WHERE " } else { " AND " });
        self.text.push_str("(server IN (?, ?) OR registrant IN (?, ?) OR seat IN (?, ?) OR owner IN (?, ?))");
        for _ in 0..4 {
            self.values.push(Value::Text(country.to_owned()));
            self.values.push(Value::Text(format!("{country}?")));
        }
    }
}
