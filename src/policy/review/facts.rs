//! Findings on what the whole policy rests on: its databases, and whether there is a rule at all.

use jiff::civil::Date;

use crate::model::Role;
use crate::policy::compile::Resolved;

use super::{Level, PolicyFinding, Surroundings};

/// Address space changes hands: after so many days a database says too much that is no longer so.
const OLD: i64 = 400;

pub(super) fn look(resolved: &Resolved, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    let mut whole = |id, level, message: String, remedy| {
        out.push(PolicyFinding { id, of: None, level, message, remedy });
    };
    if resolved.written.is_empty() {
        whole(
            "no-rules",
            Level::Warning,
            "there is no rule, so nothing will ever be alerted".to_owned(),
            "write a rule, or choose a profile (`whither config profiles`)",
        );
    }
    let asks = resolved.rules.iter().any(|r| r.roles.iter().any(|role| *role != Role::Vendor));
    if around.databases.is_empty() && asks {
        whole(
            "database-missing",
            Level::Error,
            "there is no address database: where a remote stands and whose it is cannot be told".to_owned(),
            "set `enrich.embedded-database = true`, or name a file in `enrich.databases`",
        );
    }
    for database in &around.databases {
        let age = day(&database.build)
            .and_then(|built| around.today.since(built).ok())
            .map(|s| i64::from(s.get_days()));
        if let Some(days) = age.filter(|days| *days > OLD) {
            whole(
                "database-old",
                Level::Warning,
                format!(
                    "`{}` is of {}, {days} days old: addresses have changed hands and places since",
                    database.name, database.build
                ),
                "get a newer one (`whither geoip status` shows all)",
            );
        }
    }
}

/// The day of a build: `2026-11-01`, `2026-11` (its first), or none.
fn day(build: &str) -> Option<Date> {
    let whole = build.get(..10).and_then(|d| d.parse().ok());
    whole.or_else(|| format!("{}-01", build.get(..7)?).parse().ok())
}
