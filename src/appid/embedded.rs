//! The catalogue files built into the program. A test holds this list to the folder.

/// Names a file and takes in its text at build time.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../config/applications/", $name)))),+]
    };
}

/// Each file of `config/applications` with its text; `common.toml` first, it defines sources and tags.
pub(super) const EMBEDDED: &[(&str, &str)] = files![
    "common.toml",
    "alibaba.toml",
    "amazon.toml",
    "apple.toml",
    "bytedance.toml",
    "chinese-ai.toml",
    "chinese-services.toml",
    "commerce.toml",
    "community.toml",
    "developer.toml",
    "finance.toml",
    "games.toml",
    "google.toml",
    "infrastructure.toml",
    "iran.toml",
    "media.toml",
    "messengers.toml",
    "meta.toml",
    "microsoft.toml",
    "news.toml",
    "phones.toml",
    "privacy.toml",
    "russia.toml",
    "sdk.toml",
    "security.toml",
    "shopping.toml",
    "social.toml",
    "streaming.toml",
    "tencent.toml",
    "things.toml",
    "web-services.toml",
    "work.toml",
];
