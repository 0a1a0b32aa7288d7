//! The countries that a rule flags: a list, a list with exceptions, or all but the exceptions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::model::CountryCode;

/// The flagged countries: the listed ones, or all but the excepted ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Countries {
    /// Listed countries with the group that brought them in; `None`: every country that is not excepted.
    pub(super) listed: Option<BTreeMap<CountryCode, Option<Arc<str>>>>,
    pub(super) except: BTreeSet<CountryCode>,
    /// How the exception was written, for sentences.
    pub(super) except_words: Vec<String>,
}

impl Countries {
    /// Whether `country` is flagged.
    pub(super) fn holds(&self, country: CountryCode) -> bool {
        !self.except.contains(&country) && self.listed.as_ref().is_none_or(|l| l.contains_key(&country))
    }

    /// The country as a sentence names it: with the group through which it is flagged.
    pub(super) fn label(&self, country: CountryCode) -> String {
        match &self.listed {
            None => format!("{country} (not in {})", self.except_words.join(", ")),
            Some(listed) => match listed.get(&country).and_then(Option::as_ref) {
                Some(group) => format!("{country} (in {group})"),
                None => country.to_string(),
            },
        }
    }

    /// Whether no country at all is flagged.
    pub(super) fn is_empty(&self) -> bool {
        self.listed.as_ref().is_some_and(|l| l.keys().all(|c| self.except.contains(c)))
    }
}

impl Serialize for Countries {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let texts = |set: &mut dyn Iterator<Item = &CountryCode>| {
            set.map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        let listed = self.listed.as_ref().map(|l| texts(&mut l.keys().filter(|c| !self.except.contains(c))));
        (listed, texts(&mut self.except.iter())).serialize(s)
    }
}
