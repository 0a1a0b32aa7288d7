//! A catalogue and one-rule policies for tests; flows come from [`crate::model::fixture`].

use std::sync::Arc;

use crate::model::{AppId, CountryCode, EnrichedFlow};

use super::{AppDirectory, Judge, Judgement, Owed, Policy, PolicyConfig, Rule};

/// A catalogue of three applications.
pub(super) struct Apps;

impl AppDirectory for Apps {
    fn has_app(&self, id: &str) -> bool {
        ["wechat", "tiktok", "zoom"].contains(&id)
    }
    fn apps_with_tag(&self, tag: &str) -> Vec<AppId> {
        match tag {
            "messaging" => vec!["wechat".into()],
            "social" => vec!["tiktok".into(), "wechat".into()],
            _ => Vec::new(),
        }
    }
    fn app_ids(&self) -> Vec<AppId> {
        vec!["wechat".into(), "tiktok".into(), "zoom".into()]
    }
    fn tags(&self) -> Vec<Arc<str>> {
        vec!["messaging".into(), "social".into()]
    }
    fn vendor(&self, id: &str) -> Option<(Arc<str>, Option<CountryCode>)> {
        match id {
            "wechat" => Some(("Tencent".into(), CountryCode::parse("CN"))),
            "tiktok" => Some(("ByteDance".into(), CountryCode::parse("CN"))),
            "zoom" => Some(("Zoom Communications".into(), None)),
            _ => None,
        }
    }
}

pub(super) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|&w| w.to_owned()).collect()
}

/// A rule named `r` on China in these roles, for these apps.
pub(super) fn rule(apps: &[&str], roles: &[&str]) -> Rule {
    Rule {
        name: "r".to_owned(),
        apps: words(apps),
        jurisdictions: words(&["CN"]),
        roles: words(roles),
        ..Rule::default()
    }
}

pub(super) fn policy(rule: Rule) -> Policy {
    Policy::compile(&PolicyConfig { rule: vec![rule], ..PolicyConfig::default() }, &Apps).unwrap()
}

pub(super) fn judge(rule: Rule, flow: &EnrichedFlow) -> Judgement {
    Judge::new(Arc::new(policy(rule))).judge(flow, &mut Owed::default())
}
