//! Where an admin's own applications are read from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::Problem;

/// The catalogue of applications.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CatalogueConfig {
    /// Folders with `*.toml` files of your own applications, in the format of `config/applications`. They are read
    /// in this order after the built-in catalogue; an application whose id is known already replaces it whole.
    pub folders: Vec<PathBuf>,
}

/// More folders than anyone keeps; each is read whole at start and at every reload.
const MAX_FOLDERS: usize = 32;

impl CatalogueConfig {
    /// Adds what is wrong to `problems`, with full key paths. Whether the folders can be read shows at load.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        if self.folders.len() > MAX_FOLDERS {
            problems.push(Problem {
                key: "catalogue.folders".to_owned(),
                message: format!(
                    "{} folders, expected at most {MAX_FOLDERS}: put several files into one folder",
                    self.folders.len()
                ),
            });
        }
        for (i, folder) in self.folders.iter().enumerate() {
            if folder.as_os_str().is_empty() {
                problems.push(Problem {
                    key: format!("catalogue.folders[{i}]"),
                    message: "an empty path: expected a folder with *.toml files, or no entry".to_owned(),
                });
            }
        }
    }
}
