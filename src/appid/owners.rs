//! Look-up of packages, labels and executables, also of those that a system has cut short.
//!
//! Leaves alone how sure such a name is. Case is not compared: Windows does not either, and no two applications of a
//! catalogue differ by case alone (the lint would call it a conflict).

use std::collections::BTreeMap;
use std::ops::Bound;

use super::application::OwnerKind;
use super::index::Place;

/// Linux keeps 15 octets of an executable's name (`TASK_COMM_LEN` 16 with NUL), Darwin 16 (`MAXCOMLEN`).
const CUT_PROCESS: [usize; 2] = [15, 16];
/// A trailer of PCAPdroid keeps 19 octets of a label, or 20 without NUL.
const CUT_LABEL: [usize; 2] = [19, 20];

/// Places by kind and lower-case name, ordered so that what begins with a cut name stands together.
#[derive(Debug, Default)]
pub(super) struct Owners(BTreeMap<(OwnerKind, String), Place>);

impl Owners {
    /// The place of exactly this name.
    pub(super) fn exact(&self, kind: OwnerKind, name: &str) -> Option<Place> {
        self.0.get(&(kind, name.to_lowercase())).copied()
    }

    pub(super) fn put(&mut self, kind: OwnerKind, name: &str, place: Place) {
        self.0.insert((kind, name.to_lowercase()), place);
    }

    /// The place that a seen name leads to: exact; a package by the part before `:` (a named process of it); a name
    /// that is as long as systems keep by what it begins, where all that it begins is of one application.
    pub(super) fn find(&self, kind: OwnerKind, name: &str) -> Option<Place> {
        let whole = match kind {
            OwnerKind::Package => name.split(':').next().unwrap_or(name),
            OwnerKind::Process => file_name(name),
            OwnerKind::Label => name,
        };
        self.exact(kind, whole).or_else(|| self.cut_short(kind, whole))
    }

    fn cut_short(&self, kind: OwnerKind, name: &str) -> Option<Place> {
        let lengths = match kind {
            OwnerKind::Package => return None,
            OwnerKind::Label => CUT_LABEL,
            OwnerKind::Process => CUT_PROCESS,
        };
        if !lengths.contains(&name.len()) {
            return None;
        }
        let from = (kind, name.to_lowercase());
        let mut begun = self
            .0
            .range((Bound::Excluded(&from), Bound::Unbounded))
            .take_while(|((k, n), _)| *k == kind && n.starts_with(&from.1))
            .map(|(_, place)| *place);
        let first = begun.next()?;
        begun.all(|place| place.app == first.app).then_some(first)
    }
}

/// The last part of a path of either kind. Printable names write a backslash as `\x5c` (see [`crate::model::Label`]).
fn file_name(path: &str) -> &str {
    match path.rsplit_once(['/', '\\']) {
        Some((before, file)) if path.get(before.len()..).is_some_and(|rest| rest.starts_with("\\x5c")) => {
            file.strip_prefix("x5c").unwrap_or(file)
        }
        Some((_, file)) => file,
        None => path,
    }
}
