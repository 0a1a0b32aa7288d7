//! Keeps what was judged: flows, roll-ups of them, alerts with their evidence, and what is still to be delivered.
//!
//! One SQLite file in the state folder. The daemon has the one [`Store`] that writes; commands read beside it through a
//! [`Reader`]. A commit is durable when it returns (`synchronous = FULL`): what was committed survives a kill and a power
//! cut, and nothing is delivered that was not committed before. An *event* is one document of an alert's life; each
//! sink remembers how far it has come in their order, so that the store itself is every sink's queue.
//!
//! | kept | dropped first | why |
//! |---|---|---|
//! | flow records | 1 | the bulk; roll-ups keep their sums |
//! | hourly roll-ups | 2 | daily ones keep their sums |
//! | daily roll-ups | 3 | small |
//! | alerts and their events | last, and never while a sink still waits for one | what the program is for |
//!
//! Deletion is real: freed pages are overwritten (`secure_delete`), given back, and the log of writes is emptied.
//!
//! What it leaves alone: it judges nothing, gives no document its shape (that is `deliver`), and reads no clock.
//! Limits: `store.max-size` and the `store.keep-…` keys. The file is never mapped into memory: a file cut short behind
//! the program's back would kill it.

mod body;
mod config;
mod error;
mod expire;
mod notice;
mod open;
mod outbox;
mod query;
mod rollup;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use config::StoreConfig;
pub use error::StoreError;
pub use expire::Expired;
pub use notice::Notice;
pub use open::{Opened, Reader, Store};
pub use outbox::{Event, FLOWS, Progress, SinkState};
pub use query::{
    AlertFilter, FlowFilter, Note, RollupFilter, RollupRow, Span, StoredAlert, StoredFlow, Totals,
};
pub use write::{EventEntry, GapEntry, Learned};
