//! Faults of networks: a prefix too wide to be one service's own, and an own network that another application has too.
//!
//! Leaves alone whether the network is the vendor's: that is the source's to say.

use super::application::{Application, AsRole};
use super::catalogue::Catalogue;
use super::lint::{LintFinding, LintLevel, finding};

/// No service's own networks are wider.
const WIDEST_OWN: u8 = 8;

impl Catalogue {
    /// Prefixes and AS numbers that are said to serve one application alone.
    pub(super) fn lint_networks(&self, a: &Application, findings: &mut Vec<LintFinding>) {
        for prefix in a.prefixes.iter().filter(|p| p.own_service) {
            if prefix.prefix.prefix_len() < WIDEST_OWN {
                let message = format!("`{}` is wider than any service's own: check it", prefix.prefix);
                findings.push(finding(LintLevel::Error, "wide_prefix", a, message));
            }
            let within = |b: &&Application| {
                b.prefixes.iter().any(|p| p.own_service && p.prefix.contains(&prefix.prefix))
            };
            if let Some(b) = self.others(a).find(within) {
                let message = format!(
                    "`{}` lies in an own prefix of `{}`: only one can be right",
                    prefix.prefix, b.app.id
                );
                findings.push(finding(LintLevel::Error, "overlapping_prefix", a, message));
            }
        }
        for number in a.asns.iter().filter(|n| n.own_service) {
            let has = |b: &&Application| b.asns.iter().any(|n| n.asn == number.asn && n.role == AsRole::Own);
            if let Some(b) = self.others(a).find(has) {
                let message = format!(
                    "`AS{}` is an own network of `{}` too: it serves more than this application",
                    number.asn, b.app.id
                );
                findings.push(finding(LintLevel::Error, "overlapping_as", a, message));
            }
        }
    }

    fn others<'c>(&'c self, a: &'c Application) -> impl Iterator<Item = &'c Application> {
        self.applications.iter().filter(|b| b.app.id != a.app.id)
    }
}
