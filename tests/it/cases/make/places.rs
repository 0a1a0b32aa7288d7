//! Where a server stands, whose it is, and of what it cannot be told.

use super::{Files, at, one, phone, resolver};
use crate::builder::dns::Answer::{Address, AddressOf, Alias};
use crate::builder::scene::Scene;
use crate::builder::tcp::visit;

/// A phone opens WeChat and TikTok, and looks something up besides.
pub(in crate::cases) fn demo() -> Files {
    let mut s = Scene::new();
    s.resolve(phone(), resolver(), "short.weixin.qq.com", &[Address("101.226.90.1")]);
    visit(&mut s, (phone(), 40_101), (at::shanghai(), 443), "short.weixin.qq.com", (24_000, 31_000));
    s.wait_ms(900);
    s.resolve(phone(), resolver(), "long.wechat.com", &[Address("162.62.52.1")]);
    visit(&mut s, (phone(), 40_102), (at::tencent_in_frankfurt(), 443), "long.wechat.com", (18_000, 9_000));
    s.wait_ms(2_100);
    let alias = "v16m.tiktokcdn.com.edgesuite.net";
    s.resolve(
        phone(),
        resolver(),
        "v16m.tiktokcdn.com",
        &[Alias("v16m.tiktokcdn.com", alias), AddressOf(alias, "23.215.1.1")],
    );
    visit(&mut s, (phone(), 40_103), (at::akamai(), 443), "v16m.tiktokcdn.com", (6_000, 38_000));
    s.wait_ms(400);
    s.resolve(phone(), resolver(), "www.google.com", &[Address("142.250.185.78")]);
    visit(&mut s, (phone(), 40_104), (at::google(), 443), "www.google.com", (2_000, 9_000));
    one(&s)
}
