//! What rules may name, and how a wrong name is told.

use crate::model::Problem;

use super::suggest::nearest;

/// The applications and tags that exist; the catalogue, seen from here.
pub trait AppDirectory {
    /// Whether there is an application of that id.
    fn has_app(&self, id: &str) -> bool;
    /// Whether any application has that tag.
    fn has_tag(&self, tag: &str) -> bool;
    /// All ids, for suggestions.
    fn apps(&self) -> Vec<String>;
    /// All tags, for suggestions.
    fn tags(&self) -> Vec<String>;
}

/// A name that is not known, with the one that may have been meant.
pub(super) fn unknown(key: &str, what: &str, word: &str, known: &[String], list: &str) -> Problem {
    let hint = nearest(word, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Problem { key: key.to_owned(), message: format!("there is no {what} `{word}`{hint} ({list})") }
}
