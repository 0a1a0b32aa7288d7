//! What the last life of the program left: the store as it was found, the time in which nobody watched, and alerts to go on
//! with.

use std::path::Path;
use std::time::Duration;

use crate::alert::AlertConfig;
use crate::model::Alert;
use crate::pipeline::clock;
use crate::store::{AlertFilter, GapEntry, Opened, Reader, Store, StoreConfig, StoreError};

/// A silence longer than this between two lives of the program is a gap in what was watched.
const GAP: Duration = Duration::from_secs(10);

/// Opens the store, and says what it found: damage, and the time in which nobody watched.
pub(super) fn open_store(path: &Path, limits: &StoreConfig) -> Result<Store, StoreError> {
    let now = clock::now();
    let (mut store, Opened { set_aside }) = Store::open(path, limits, now)?;
    if let Some((aside, rows)) = set_aside {
        tracing::error!(
            moved_to = %aside.display(), rows_saved = rows,
            "the store was damaged: it was set aside and a new one begun with what could be read"
        );
    }
    if let Some(alive) = store.alive()?.filter(|alive| now.since(*alive) > GAP) {
        let gap = GapEntry {
            source: "whither".to_owned(),
            kind: "not_running".to_owned(),
            begin: alive,
            end: now,
            detail: "the program did not run; what passed in this time was not seen".to_owned(),
        };
        store.put_gap(&gap)?;
    }
    Ok(store)
}

/// Alerts that were open at the end of the last life, and closed ones of whose subjects people may have been told
/// lately; oldest first.
pub(super) fn alerts_to_resume(store: &Store, config: &AlertConfig) -> Result<Vec<Alert>, StoreError> {
    let reader = Reader::open(store.path())?;
    let open = AlertFilter { open: Some(true), ..AlertFilter::default() };
    let mut alerts = reader.alerts(&open)?;
    if !config.back_off.0.is_zero() {
        let since = clock::now().minus(config.longest_back_off.0);
        let limit = Some(config.max_open);
        let closed = AlertFilter { open: Some(false), since: Some(since), limit, ..AlertFilter::default() };
        alerts.extend(reader.alerts(&closed)?);
    }
    let mut alerts: Vec<Alert> = alerts.into_iter().map(|stored| stored.alert).collect();
    alerts.sort_by(|a, b| a.opened.cmp(&b.opened).then_with(|| a.id.cmp(&b.id)));
    Ok(alerts)
}
