//! One role of a rule against one flow: is the remote, in this sense, in a flagged country?
//!
//! Another user's device (a peer of a call, known by STUN) is no server of the app: unless a rule includes peers, what its
//! address says is *cannot tell*, with the country. What is said of the app's maker holds whatever the far end is.

use crate::model::{Certainty, CountryCode, EnrichedFlow, NetworkScope, Role, RoleAnswer};

use super::because::{called, claims, plain, sources, stands};
use super::compile::Compiled;
use super::condition::app_is_sure;
use super::flagged::Countries;

/// The answer for one role, with the sentence that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RoleVerdict {
    /// It is, on grounds that carry an accusation.
    Match(CountryCode, String),
    /// It may be. The country is set when something names a flagged one; without it there is just no data.
    Maybe(Option<CountryCode>, String),
    /// It is not, as far as anything says.
    No(String),
}

/// Whether flows to another user's device may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peers {
    /// They may not.
    Exclude,
    /// They may, and are told as such.
    Include,
}

impl Peers {
    pub(super) const ALL: [Self; 2] = [Self::Exclude, Self::Include];

    /// The word in configuration.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Exclude => "exclude",
            Self::Include => "include",
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) const fn are_excluded(&self) -> bool {
        matches!(self, Self::Exclude)
    }
}

/// Judges `role` by the rule's countries.
pub(super) fn judge(role: Role, rule: &Compiled, flow: &EnrichedFlow) -> RoleVerdict {
    let countries = &rule.countries;
    match flow.remote.scope {
        NetworkScope::Local => return RoleVerdict::No("the remote is in the local network".to_owned()),
        NetworkScope::Special(range) => {
            return RoleVerdict::No(format!("the remote is a {range} address, not on the Internet"));
        }
        NetworkScope::Global => {}
    }
    match flow.remote.roles.get(role) {
        Some(answer) => match address_role(role, answer, countries, flow) {
            RoleVerdict::Match(country, why) if flow.record.facts.peer && rule.peers.are_excluded() => {
                RoleVerdict::Maybe(Some(country), why)
            }
            verdict => verdict,
        },
        None => tenant(countries, flow).unwrap_or_else(|| vendor(countries, flow)),
    }
}

fn address_role(role: Role, answer: &RoleAnswer, countries: &Countries, flow: &EnrichedFlow) -> RoleVerdict {
    if role == Role::Server && (flow.remote.anycast || flow.remote.operator.cdn) {
        return placeless(answer, countries, flow);
    }
    let flagged = answer.country.filter(|c| countries.holds(*c));
    match (answer.certainty, answer.country) {
        (Certainty::High | Certainty::Medium, Some(country)) => match (flagged, sources(answer, country)) {
            (Some(_), Some(by)) => {
                let carries = match (role, flow.remote.operator.cdn) {
                    (Role::Operator | Role::Owner, true) => match flow.remote.tenant.as_deref() {
                        Some(tenant) => {
                            format!("; it is a CDN: it carries the data of {}", plain(&tenant.vendor))
                        }
                        None => "; it is a CDN: it carries the data, which may be a customer's".to_owned(),
                    },
                    _ => String::new(),
                };
                let label = countries.label(country);
                RoleVerdict::Match(country, format!("{} {label} by {by}{carries}", stands(role, flow)))
            }
            (Some(_), None) => RoleVerdict::Maybe(
                flagged,
                format!(
                    "{} {}, but no source stands behind it",
                    stands(role, flow),
                    countries.label(country)
                ),
            ),
            (None, by) => {
                let by = by.unwrap_or_else(|| "an unnamed source".to_owned());
                RoleVerdict::No(format!("{} {country} by {by}", stands(role, flow)))
            }
        },
        (Certainty::Low, Some(country)) => {
            let by = sources(answer, country).unwrap_or_else(|| "an unnamed source".to_owned());
            let note = note(answer);
            match flagged {
                Some(_) => RoleVerdict::Maybe(
                    flagged,
                    format!(
                        "{} {} only by {by}, which is weak{note}",
                        stands(role, flow),
                        countries.label(country)
                    ),
                ),
                None => RoleVerdict::No(format!("{} {country} by {by} (weak{note})", stands(role, flow))),
            }
        }
        (Certainty::Disputed, _) => match named(answer, countries) {
            Some(country) => RoleVerdict::Maybe(
                Some(country),
                format!("sources dispute {}: {}{}", called(role), claims(answer), note(answer)),
            ),
            None if answer.country.is_none() && answer.claims.iter().all(|c| c.country.is_none()) => {
                no_data(role, answer)
            }
            None => RoleVerdict::No(format!(
                "sources dispute {}, but none names a flagged country: {}",
                called(role),
                claims(answer)
            )),
        },
        _ => match named(answer, countries) {
            Some(country) => RoleVerdict::Maybe(
                Some(country),
                format!("{} is not settled: {}{}", called(role), claims(answer), note(answer)),
            ),
            None => no_data(role, answer),
        },
    }
}

/// The first flagged country that the answer or any claim of it names.
fn named(answer: &RoleAnswer, countries: &Countries) -> Option<CountryCode> {
    let claimed = answer.claims.iter().filter_map(|c| c.country);
    answer.country.into_iter().chain(claimed).find(|c| countries.holds(*c))
}

fn no_data(role: Role, answer: &RoleAnswer) -> RoleVerdict {
    RoleVerdict::Maybe(None, format!("no data tells {}{}", called(role), note(answer)))
}

/// The server of an anycast address or of a CDN: it stands in many places, and which one answered is not known.
fn placeless(answer: &RoleAnswer, countries: &Countries, flow: &EnrichedFlow) -> RoleVerdict {
    let operator = flow.remote.operator.name.as_ref().map_or_else(|| "the operator".into(), |n| plain(n));
    let why = if flow.remote.anycast {
        "the address is anycast: the same address answers from several places".to_owned()
    } else {
        format!("{operator} is a CDN: which of its sites answered is not known")
    };
    let named = named(answer, countries);
    let said = if named.is_some() { format!(" ({})", claims(answer)) } else { String::new() };
    RoleVerdict::Maybe(named, format!("{why}{said}"))
}

/// The maker of the service whose data a rented machine holds, where it sits in a flagged country and the app's own maker
/// (that of the browser, say) does not settle the question already.
fn tenant(countries: &Countries, flow: &EnrichedFlow) -> Option<RoleVerdict> {
    let tenant = flow.remote.tenant.as_deref()?;
    let (country, source) = (tenant.country.filter(|c| countries.holds(*c))?, tenant.source.as_deref()?);
    let own = flow.identification.app.as_ref().and_then(|app| app.vendor_country);
    if own.is_some_and(|c| countries.holds(c)) {
        return None;
    }
    let sentence = format!(
        "{}, whose service the flow called on rented machines ({} `{}`), sits in {} by {}",
        plain(&tenant.vendor),
        tenant.method,
        plain(&tenant.name),
        countries.label(country),
        plain(source)
    );
    Some(RoleVerdict::Match(country, sentence))
}

fn vendor(countries: &Countries, flow: &EnrichedFlow) -> RoleVerdict {
    let Some(app) = &flow.identification.app else {
        return RoleVerdict::Maybe(None, "the app is not known, so its maker is not either".to_owned());
    };
    let Some(country) = app.vendor_country else {
        return RoleVerdict::Maybe(
            None,
            format!("no data tells where the maker of {} sits", plain(&app.name)),
        );
    };
    if !countries.holds(country) {
        // A weakly named app says nothing about other apps that the flow may be of instead.
        return if app_is_sure(flow) {
            RoleVerdict::No(format!("{} {country}", stands(Role::Vendor, flow)))
        } else {
            RoleVerdict::Maybe(None, "the app is not surely known, so its maker is not either".to_owned())
        };
    }
    let sentence = format!("{} {}", stands(Role::Vendor, flow), countries.label(country));
    match &app.vendor_source {
        Some(source) if app_is_sure(flow) => {
            RoleVerdict::Match(country, format!("{sentence} by {}", plain(source)))
        }
        Some(_) => {
            RoleVerdict::Maybe(Some(country), format!("{sentence}, but the app is not surely that one"))
        }
        None => RoleVerdict::Maybe(Some(country), format!("{sentence}, but no source stands behind it")),
    }
}

fn note(answer: &RoleAnswer) -> String {
    answer.note.as_ref().map_or_else(String::new, |n| format!("; {}", plain(n)))
}
