//! The conditions of a rule that are about this side: which application, which device, which network.

use std::collections::BTreeSet;

use crate::model::{DeviceContext, EnrichedFlow, EvidenceKind, Identification, Tier};

use super::because::{app_sentence, plain};
use super::compile::Compiled;

/// What the application condition says of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AppAnswer {
    /// The rule is for any application.
    Any,
    /// The flow is of an application that the rule is about; why.
    Holds(String),
    /// It is of another one: the rule does not concern the flow.
    Fails,
    /// It may be of one that the rule is about; why that is not decided.
    Maybe(String),
    /// Nothing tells which application it is. It may be any, so this alone is no reason to speak up.
    Unnamed(String),
}

/// Whether the device is one of these words (lower case): id, name, MAC, address, `class:…` or `vendor:…`.
pub(super) fn is_device(words: &BTreeSet<String>, device: &DeviceContext) -> bool {
    let listed = |word: &str| words.contains(&word.to_lowercase());
    listed(&device.id)
        || device.name.as_ref().is_some_and(|n| listed(n))
        || device.mac.is_some_and(|m| listed(&m.to_string()))
        || listed(&device.addr.to_string())
        || device.about.class.as_ref().is_some_and(|c| listed(&format!("class:{}", c.class)))
        || device.about.vendor.as_ref().is_some_and(|v| listed(&format!("vendor:{v}")))
}

/// Whether the flow's device and network are among those of the rule.
pub(super) fn concerns_device(rule: &Compiled, flow: &EnrichedFlow) -> bool {
    let device = &flow.device;
    let anywhere = rule.networks.is_empty() && rule.prefixes.is_empty();
    (rule.devices.is_empty() || is_device(&rule.devices, device))
        && (anywhere
            || device.network.as_ref().is_some_and(|n| rule.networks.contains(n.as_ref()))
            || rule.prefixes.iter().any(|p| p.contains(&device.addr)))
}

/// Whether the flow's application is one of those of the rule.
pub(super) fn app(rule: &Compiled, flow: &EnrichedFlow) -> AppAnswer {
    if rule.any_app {
        return AppAnswer::Any;
    }
    let identification = &flow.identification;
    let Some(app) = &identification.app else {
        return candidates(rule, identification);
    };
    let listed = rule.apps.contains(&app.id) || app.tags.iter().any(|t| rule.tags.contains(t));
    let sure = identification.tier.is_some_and(|t| t <= Tier::D);
    let name = plain(&app.name);
    match (listed, sure, may_be_cover(flow)) {
        (true, true, false) => AppAnswer::Holds(app_sentence(identification)),
        (true, true, true) => AppAnswer::Maybe(format!(
            "the app may be {name}: its name was only seen beside Encrypted Client Hello and may be a cover"
        )),
        (true, false, _) => AppAnswer::Maybe(format!(
            "the app may be {name}: the evidence is weak ({})",
            tier(identification)
        )),
        (false, true, false) => AppAnswer::Fails,
        (false, true, true) => AppAnswer::Unnamed(format!(
            "the app is not known: the name of {name} was only seen beside Encrypted Client Hello and may be a cover"
        )),
        (false, false, _) => AppAnswer::Unnamed(format!(
            "the app is not known: the evidence for {name} is weak ({})",
            tier(identification)
        )),
    }
}

/// Whether the flow's application, where it has one, is known well enough to speak of its vendor.
pub(super) fn app_is_sure(flow: &EnrichedFlow) -> bool {
    flow.identification.tier.is_some_and(|t| t <= Tier::D) && !may_be_cover(flow)
}

fn candidates(rule: &Compiled, identification: &Identification) -> AppAnswer {
    let candidates = &identification.candidates;
    if candidates.is_empty() {
        return AppAnswer::Unnamed("the app is not known".to_owned());
    }
    let listed: Vec<&str> = candidates.iter().filter(|c| rule.apps.contains(*c)).map(AsRef::as_ref).collect();
    match listed.first() {
        None => AppAnswer::Fails,
        Some(_) => AppAnswer::Maybe(match candidates.len() {
            1 => {
                format!("the app may be {}: what names it is too weak to say that it is", listed.join(" or "))
            }
            many => format!("the app may be {}: one of {many} candidates", listed.join(" or ")),
        }),
    }
}

fn tier(identification: &Identification) -> String {
    identification.tier.map_or_else(|| "no tier".to_owned(), |t| format!("tier {t}"))
}

/// Encrypted Client Hello was offered and only the visible name tells the app (RFC 9849 §1): that name may be a cover.
///
/// Browsers send the extension as noise (GREASE) on every connection, so its presence alone proves nothing: a DNS answer
/// to the same client, the app's own protocol or its own prefix beside the name settles that it is no cover.
pub(super) fn may_be_cover(flow: &EnrichedFlow) -> bool {
    let evidence = &flow.identification.evidence;
    let by_visible_name = matches!(flow.identification.method, Some("tls_sni" | "quic_sni" | "dtls_sni"));
    flow.record.facts.ech.is_offered()
        && by_visible_name
        && !evidence.iter().any(|e| {
            matches!(
                e.kind,
                EvidenceKind::DnsAnswer
                    | EvidenceKind::HttpdnsAnswer
                    | EvidenceKind::AppProtocol
                    | EvidenceKind::AddressPrefix
                    | EvidenceKind::Package
                    | EvidenceKind::Process
            )
        })
}
