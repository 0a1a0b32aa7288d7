//! Suffixes under which strangers register names: none of them may stand for one application.
//!
//! Not the Public Suffix List: a short table of those that a catalogue of applications comes near, by hand from
//! the operators' own documentation. A missing row costs a lint, never a wrong match.

/// Generic second levels that country registries sell below (`com.cn`, `co.uk`).
const GENERIC_SECOND_LEVELS: [&str; 10] = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"];

/// Domains that rent out names below them. Sorted.
const RENTED: [&str; 93] = [
    "akadns.net",
    "akamai.net",
    "akamaiedge.net",
    "akamaihd.net",
    "akamaized.net",
    "aliyuncs.com",
    "amazonaws.com",
    "amazonaws.com.cn",
    "amplifyapp.com",
    "appspot.com",
    "arvanstorage.ir",
    "azure-api.net",
    "azureedge.net",
    "azurefd.net",
    "azurestaticapps.net",
    "azurewebsites.net",
    "b-cdn.net",
    "bcebos.com",
    "bdydns.com",
    "blob.core.windows.net",
    "blogspot.com",
    "cdn20.com",
    "cdn77.org",
    "cdngslb.com",
    "cloudapp.azure.com",
    "cloudapp.net",
    "cloudflare.net",
    "cloudfront.net",
    "ddns.net",
    "digitaloceanspaces.com",
    "duckdns.org",
    "dyndns.org",
    "edgecastcdn.net",
    "edgekey.net",
    "edgesuite.net",
    "elasticbeanstalk.com",
    "fastly.net",
    "fastlylb.net",
    "firebaseapp.com",
    "firebaseio.com",
    "fly.dev",
    "footprint.net",
    "gcdn.co",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "hf.space",
    "hwcdn.net",
    "impervadns.net",
    "incapdns.net",
    "ksyuncdn.com",
    "kunlunca.com",
    "kunlunsl.com",
    "kxcdn.com",
    "linodeobjects.com",
    "llnwd.net",
    "llnwi.net",
    "myhuaweicloud.com",
    "myqcloud.com",
    "myqnapcloud.com",
    "myshopify.com",
    "netlify.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "qcloud.com",
    "qiniucdn.com",
    "r2.dev",
    "readthedocs.io",
    "run.app",
    "scw.cloud",
    "selcdn.ru",
    "sinaapp.com",
    "squarespace-cdn.com",
    "stackpathcdn.com",
    "storage.googleapis.com",
    "synology.me",
    "tencentcos.cn",
    "trafficmanager.net",
    "trycloudflare.com",
    "ts.net",
    "ufileos.com",
    "vercel.app",
    "volccdn.com",
    "vultrobjects.com",
    "web.app",
    "webflow.io",
    "windows.net",
    "wixsite.com",
    "wordpress.com",
    "workers.dev",
    "yandexcloud.net",
    "your-server.de",
];

/// Whether nobody can own `domain` as a whole: a registry's level.
pub(super) fn is_registry_level(domain: &str) -> bool {
    match domain.split_once('.') {
        None => true,
        Some((second, top)) => {
            !top.contains('.') && top.len() == 2 && GENERIC_SECOND_LEVELS.contains(&second)
        }
    }
}

/// Whether names below `domain` are rented to anybody.
pub(super) fn is_rented(domain: &str) -> bool {
    RENTED.binary_search(&domain).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(RENTED.is_sorted());
    }

    #[test]
    fn registry_levels_are_told_from_domains() {
        for level in ["com", "com.cn", "co.uk", "or.jp"] {
            assert!(is_registry_level(level), "{level}");
        }
        for domain in ["qq.com", "weixin.qq.com", "vk.ru", "foo.co.uk", "goo.gl"] {
            assert!(!is_registry_level(domain), "{domain}");
        }
        assert!(is_rented("cloudfront.net") && !is_rented("d1.cloudfront.net"));
    }
}
