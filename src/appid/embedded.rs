//! The catalogue files built into the program. A test holds this list to the folder.

/// Each file of `config/applications` with its text; `common.toml` first, it defines sources and tags.
pub(super) const EMBEDDED: &[(&str, &str)] = &[];
