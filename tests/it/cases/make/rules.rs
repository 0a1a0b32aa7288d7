//! Which flows a rule is about, and from how much on.

use super::{Files, at, browse, call, one, phone, resolver};
use crate::builder::dns::Answer;
use crate::builder::net::remote;
use crate::builder::scene::Scene;
use crate::builder::tcp::{Connection, SYN, Who};

/// Four applications in four places.
fn tour() -> Scene {
    let mut s = Scene::new();
    browse(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (3_000, 4_000));
    browse(&mut s, "api16-normal.tiktokv.com", at::TIKTOK_SINGAPORE, 40_102, (3_000, 4_000));
    browse(&mut s, "vk.com", at::VK, 40_103, (3_000, 4_000));
    browse(&mut s, "long.wechat.com", at::TENCENT_IN_FRANKFURT, 40_104, (3_000, 4_000));
    browse(&mut s, "www.ripe.net", at::RIPE, 40_105, (3_000, 4_000));
    s
}

pub(in crate::cases) fn only_one_app() -> Files {
    one(&tour())
}

pub(in crate::cases) fn only_one_tag() -> Files {
    one(&tour())
}

pub(in crate::cases) fn group_of_countries() -> Files {
    one(&tour())
}

pub(in crate::cases) fn all_countries_but() -> Files {
    one(&tour())
}

pub(in crate::cases) fn profile_named_2020() -> Files {
    one(&tour())
}

pub(in crate::cases) fn fail_on() -> Files {
    one(&tour())
}

/// Names that look like an application's.
pub(in crate::cases) fn lookalikes() -> Files {
    let mut s = Scene::new();
    for (port, name) in (40_101..).zip([
        "weixin.qq.com.example.net",
        "notweixin.example.org",
        "xn--wchat-bsa.com",
        "mywechat.com",
        "wechat.com.example.net",
    ]) {
        call(&mut s, name, at::SHANGHAI, port, (1_000, 1_000));
    }
    one(&s)
}

/// Three uploads of 20 kB within a minute, then three more an hour apart.
pub(in crate::cases) fn amount_in_a_window() -> Files {
    let mut s = Scene::new();
    for port in 40_101..40_104 {
        call(&mut s, "short.weixin.qq.com", at::SHANGHAI, port, (20_000, 500));
        s.wait_ms(10_000);
    }
    for port in 40_201..40_204 {
        s.wait_ms(3_600_000);
        call(&mut s, "api16-normal.tiktokv.com", at::TIKTOK_SINGAPORE, port, (20_000, 500));
    }
    one(&s)
}

/// One large download, one large upload.
pub(in crate::cases) fn amount_in_one_direction() -> Files {
    let mut s = Scene::new();
    call(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (800, 40_000));
    call(&mut s, "vk.com", at::VK, 40_102, (40_000, 800));
    one(&s)
}

/// An app that asks for its server and then knocks `tries` times from as many ports, 30 seconds apart.
fn knock(s: &mut Scene, name: &str, ip: &'static str, ports: std::ops::Range<u16>, refused: bool) {
    s.resolve(phone(), resolver(), name, &[Answer::Address(ip)]);
    for port in ports {
        let lonely = Connection::underway((phone(), port), (remote(ip), 443), 40);
        for _ in 0..3 {
            lonely.send(s, Who::Client, SYN, 0, b"");
            s.wait_ms(if refused { 20 } else { 1_000 });
            if refused {
                lonely.send(s, Who::Server, crate::builder::tcp::RST, 0, b"");
                break;
            }
        }
        s.wait_ms(30_000);
    }
}

/// One app is never answered, one is refused, one is let through after two attempts.
pub(in crate::cases) fn attempt_or_data() -> Files {
    let mut s = Scene::new();
    knock(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101..40_110, false);
    knock(&mut s, "vk.com", at::VK, 40_201..40_203, true);
    knock(&mut s, "api16-normal.tiktokv.com", at::TIKTOK_SINGAPORE, 40_301..40_303, false);
    browse(&mut s, "api16-normal.tiktokv.com", at::TIKTOK_SINGAPORE, 40_310, (3_000, 4_000));
    one(&s)
}
