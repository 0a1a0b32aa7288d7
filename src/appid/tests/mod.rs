//! Tests of the catalogue as shipped and of the identifier.

mod catalogue;
mod files;
mod identify;
mod lint;
mod truth;

use super::*;
use std::sync::{Arc, OnceLock};

/// The built-in catalogue, read once for all tests.
fn embedded() -> Arc<Catalogue> {
    static ONCE: OnceLock<Arc<Catalogue>> = OnceLock::new();
    Arc::clone(ONCE.get_or_init(|| Arc::new(Catalogue::embedded().unwrap())))
}

/// A catalogue of one file after the built-in `common.toml`.
fn small(text: &str) -> Result<Catalogue, CatalogueError> {
    layered(&[("test.toml", text)])
}

/// One layer per file, each over the one before.
fn layered(files: &[(&str, &str)]) -> Result<Catalogue, CatalogueError> {
    let common = embedded::EMBEDDED.iter().take(1).map(|(f, t)| ((*f).to_owned(), (*t).to_owned())).collect();
    let mut layers: Vec<Vec<(String, String)>> = vec![common];
    layers.extend(files.iter().map(|(f, t)| vec![((*f).to_owned(), (*t).to_owned())]));
    Catalogue::from_layers(&layers)
}
