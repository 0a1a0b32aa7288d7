//! Where a server stands, whose it is, and of what it cannot be told.

use super::{Files, at, browse, call, one, phone, resolver};
use crate::builder::dns::Answer::{AddressOf, Alias};
use crate::builder::net::remote;
use crate::builder::scene::Scene;
use crate::builder::tcp::visit;

/// A phone opens WeChat and TikTok, and looks something up besides.
pub(in crate::cases) fn demo() -> Files {
    let mut s = Scene::new();
    browse(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (24_000, 31_000));
    s.wait_ms(900);
    browse(&mut s, "long.wechat.com", at::TENCENT_IN_FRANKFURT, 40_102, (18_000, 9_000));
    s.wait_ms(2_100);
    let (asked, alias) = ("v16m.tiktokcdn.com", "v16m.tiktokcdn.com.edgesuite.net");
    s.resolve(phone(), resolver(), asked, &[Alias(asked, alias), AddressOf(alias, at::AKAMAI)]);
    visit(&mut s, (phone(), 40_103), (remote(at::AKAMAI), 443), asked, (6_000, 38_000));
    s.wait_ms(400);
    browse(&mut s, "www.google.com", at::GOOGLE, 40_104, (2_000, 9_000));
    one(&s)
}

/// One server in China.
pub(in crate::cases) fn server_in_china() -> Files {
    let mut s = Scene::new();
    browse(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (3_000, 4_000));
    one(&s)
}

/// One server in Germany, of a Chinese operator.
pub(in crate::cases) fn chinese_operator_abroad() -> Files {
    let mut s = Scene::new();
    browse(&mut s, "long.wechat.com", at::TENCENT_IN_FRANKFURT, 40_101, (3_000, 4_000));
    one(&s)
}

/// One server of a Singapore operator whose owner is Chinese.
pub(in crate::cases) fn owner_role() -> Files {
    let mut s = Scene::new();
    browse(&mut s, "api16-normal.tiktokv.com", at::TIKTOK_SINGAPORE, 40_101, (3_000, 4_000));
    one(&s)
}

/// Two anycast servers.
pub(in crate::cases) fn cannot_tell_anycast() -> Files {
    let mut s = Scene::new();
    browse(&mut s, "v16m.tiktokcdn.com", at::AKAMAI, 40_101, (3_000, 4_000));
    browse(&mut s, "www.tiktok.com", at::CLOUDFLARE, 40_102, (3_000, 4_000));
    one(&s)
}

/// A server on whose place two sources disagree.
pub(in crate::cases) fn disputed() -> Files {
    let mut s = Scene::new();
    browse(&mut s, "web.wechat.com", at::TENCENT_DISPUTED, 40_101, (3_000, 4_000));
    one(&s)
}

/// The same visit before and after a change of hands.
pub(in crate::cases) fn owner_by_date() -> Files {
    let mut s = Scene::new();
    // 500 days before the scene's beginning: ByteDance's for sure.
    s.wait_ms(-500 * 86_400_000);
    call(&mut s, "api16-normal.tiktokv.com", at::BYTEDANCE_US, 40_101, (3_000, 4_000));
    s.wait_ms(500 * 86_400_000);
    call(&mut s, "api16-normal.tiktokv.com", at::BYTEDANCE_US, 40_102, (3_000, 4_000));
    one(&s)
}
