//! Findings on one rule by itself.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::{HumanDuration, Role};
use crate::policy::because::bytes;
use crate::policy::compile::Compiled;
use crate::policy::learned::still_learns;
use crate::policy::suggest::hint;

use super::{Level, PolicyFinding, Surroundings, finding, some};

/// The fastest link that a minimum is held against: 100 Gbit/s.
const FASTEST: u64 = 12_500_000_000;
/// More flows than that in a second no gateway sees.
const MOST_FLOWS: u64 = 1_000_000;

/// Looks at everything.
pub(super) fn look(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    roles(rule, around, out);
    vendors(rule, around, out);
    places(rule, around, out);
    old_addresses_only(rule, around, out);
    operators(rule, around, out);
    minimums(rule, around, out);
    times(rule, around, out);
}

/// Roles of which no data can ever name a flagged country.
fn roles(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    let flagged = |country: Option<_>| country.is_some_and(|c| rule.countries.holds(c));
    let without = |role: Role| match role {
        Role::Server | Role::Registrant => {
            around.databases.is_empty().then(|| "there is no address database".to_owned())
        }
        Role::Operator => (!around.operators.iter().any(|o| flagged(o.country)))
            .then(|| "no operator of the table sits in a flagged country".to_owned()),
        Role::Owner => (!around.operators.iter().any(|o| flagged(o.owner_country)))
            .then(|| "no owner of the operator table sits in a flagged country".to_owned()),
        Role::Vendor => {
            let of = |id: &str| around.apps.vendor(id).and_then(|(_, country)| country);
            let any = if rule.any_app {
                around.apps.app_ids().iter().any(|id| flagged(of(id)))
            } else {
                rule.apps.iter().any(|id| flagged(of(id)))
            };
            (!any).then(|| "the maker of none of its apps is known to sit in a flagged country".to_owned())
        }
    };
    let empty: Vec<(Role, String)> =
        rule.roles.iter().filter_map(|&r| without(r).map(|why| (r, why))).collect();
    let silent = empty.len() == rule.roles.len();
    for (role, why) in empty {
        let so = if silent { "so the rule can never fire" } else { "so only its other roles can fire" };
        out.push(finding(
            "role-without-data",
            &rule.id,
            if silent { Level::Error } else { Level::Warning },
            format!("role `{}`: {why}, {so}", role.word()),
            "choose roles that data stands behind, or add a database or an operator table of your own",
        ));
    }
}

/// Apps of which nobody says where the maker sits, under a rule that asks for it.
fn vendors(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    if rule.any_app || !rule.roles.contains(&Role::Vendor) {
        return;
    }
    let unknown: Vec<String> = rule
        .apps
        .iter()
        .filter(|id| around.apps.vendor(id).is_some_and(|(_, country)| country.is_none()))
        .map(ToString::to_string)
        .collect();
    if !unknown.is_empty() {
        out.push(finding(
            "app-vendor-unknown",
            &rule.id,
            Level::Warning,
            format!(
                "no source says where the maker sits of: {}; role `vendor` cannot tell for them",
                some(&unknown)
            ),
            "add `vendor-country` with a source to the app in a file of your own (`catalogue.folders`)",
        ));
    }
}

/// Devices and networks that are nowhere.
fn places(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    for name in rule.networks.iter().filter(|n| !around.networks.contains_key(*n)) {
        let near = hint(name, around.networks.keys().map(String::as_str));
        out.push(finding(
            "unknown-network",
            &rule.id,
            Level::Error,
            format!("`{name}` is no network of `enrich.networks`, so no device is ever in it{near}"),
            "name the network in `enrich.networks`, or give a prefix",
        ));
    }
    let local = |net: &IpNet| around.local.iter().any(|l| l.contains(net) || net.contains(l));
    let mut missed: Vec<String> =
        rule.prefixes.iter().filter(|p| !local(p)).map(ToString::to_string).collect();
    for word in &rule.devices {
        if let Ok(addr) = word.parse::<IpAddr>() {
            if !local(&IpNet::from(addr)) {
                missed.push(word.clone());
            }
            continue;
        }
        // Learned from traffic: any may come.
        if word.starts_with("class:") || word.starts_with("vendor:") {
            continue;
        }
        let is_mac = word.len() == 17 && word.bytes().filter(|b| *b == b':').count() == 5;
        let known = || around.devices.iter().map(|d| d.name.as_str());
        if !is_mac && !known().any(|n| n.to_lowercase() == *word) {
            out.push(finding(
                "unknown-device",
                &rule.id,
                Level::Warning,
                format!("`{word}` is no device of `enrich.devices`{}", hint(word, known())),
                "name the device in `enrich.devices`, or give its MAC or IP address",
            ));
        }
    }
    if !missed.is_empty() {
        out.push(finding(
            "local-networks-miss",
            &rule.id,
            Level::Warning,
            format!(
                "not in `enrich.local-networks`: {}; the addresses there count as remotes, not as devices",
                some(&missed)
            ),
            "add the prefixes to `enrich.local-networks`",
        ));
    }
}

/// Lists that only cover IPv4 where the local networks have IPv6 too.
fn old_addresses_only(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    let is_v6 = |net: &IpNet| matches!(net, IpNet::V6(_));
    if !around.local.iter().any(is_v6) {
        return;
    }
    let named = || rule.networks.iter().filter_map(|n| around.networks.get(n)).flatten();
    let has_networks = !rule.prefixes.is_empty() || named().next().is_some();
    let networks = has_networks && !rule.prefixes.iter().chain(named()).any(is_v6);
    let only_v4 = |word: &String| match word.parse::<IpAddr>() {
        Ok(addr) => addr.is_ipv4(),
        Err(_) => around.devices.iter().any(|d| {
            d.name.to_lowercase() == *word
                && !d.has_mac
                && !d.addresses.is_empty()
                && d.addresses.iter().all(IpAddr::is_ipv4)
        }),
    };
    let devices: Vec<String> = rule.devices.iter().filter(|w| only_v4(w)).cloned().collect();
    let mut what = Vec::new();
    if networks {
        what.push("its networks have IPv4 prefixes alone".to_owned());
    }
    if !devices.is_empty() {
        what.push(format!("known by IPv4 addresses alone: {}", some(&devices)));
    }
    if !what.is_empty() {
        out.push(finding(
            "no-ipv6",
            &rule.id,
            Level::Warning,
            format!("{}; what the same devices send over IPv6 is not judged by this rule", what.join("; ")),
            "add the IPv6 prefixes or addresses, or name devices by MAC address",
        ));
    }
}

/// Operators that no table names.
fn operators(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    for name in &rule.operators.names {
        if !around.operators.iter().any(|o| o.name.to_lowercase() == *name) {
            let near = hint(name, around.operators.iter().map(|o| o.name.as_ref()));
            out.push(finding(
                "unknown-operator",
                &rule.id,
                Level::Warning,
                format!(
                    "`{name}` is no operator of the table; it can only match an AS name of a database{near}"
                ),
                "`whither lookup IP` shows names and AS numbers; a number (`AS45090`) is surest",
            ));
        }
    }
}

fn minimums(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    if !rule.has_minimum() {
        return;
    }
    let seconds = rule.window.as_secs().max(1);
    for (bytes_wanted, way) in [(rule.min_up, "up"), (rule.min_down, "down")] {
        if bytes_wanted > seconds.saturating_mul(FASTEST) {
            out.push(finding(
                "minimum-unreachable",
                &rule.id,
                Level::Error,
                format!(
                    "{} {way} within {} is more than 100 Gbit/s carry",
                    bytes(bytes_wanted),
                    HumanDuration(rule.window)
                ),
                "lower the minimum or lengthen the window",
            ));
        }
    }
    if rule.min_flows > seconds.saturating_mul(MOST_FLOWS) {
        out.push(finding(
            "minimum-unreachable",
            &rule.id,
            Level::Error,
            format!(
                "{} flows within {} are more than any gateway sees",
                rule.min_flows,
                HumanDuration(rule.window)
            ),
            "lower the minimum or lengthen the window",
        ));
    }
    if rule.window < around.active_timeout {
        out.push(finding(
            "window-shorter-than-records",
            &rule.id,
            Level::Warning,
            format!(
                "the window of {} is shorter than `meter.active-timeout` ({}): a record's bytes count as a whole at its end, \
                 so bytes of more than the window count together",
                HumanDuration(rule.window),
                HumanDuration(around.active_timeout)
            ),
            "lengthen the window, or shorten `meter.active-timeout`",
        ));
    }
}

fn times(rule: &Compiled, around: &Surroundings<'_>, out: &mut Vec<PolicyFinding>) {
    if let Some(schedule) = rule.schedule.as_ref().filter(|s| s.is_empty()) {
        out.push(finding(
            "schedule-never",
            &rule.id,
            Level::Error,
            format!("the schedule ({}) ends when it begins, so the rule is never in force", schedule.text()),
            "for the whole day use `from = \"00:00\"` and `to = \"24:00\"`",
        ));
    }
    let since = around.learning_since.get(&*rule.id).copied();
    if !rule.first_time.is_empty() && still_learns(since, rule.learning, around.now) {
        let learning = HumanDuration(rule.learning);
        let message = match since {
            Some(since) => format!(
                "the rule learns until {} and fires at nothing before",
                since.plus(rule.learning).to_rfc3339(0)
            ),
            None => format!(
                "the rule will learn for {learning} from its first match on and fire at nothing before"
            ),
        };
        out.push(finding("learning", &rule.id, Level::Note, message, "wait, or shorten `learning`"));
    }
}
