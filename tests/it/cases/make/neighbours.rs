//! Flows that say nothing of themselves, beside flows that do.

use super::{Files, at, one, phone, resolver};
use crate::builder::dns::Answer::Address;
use crate::builder::net::{Host, local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::Who::{Client, Server};
use crate::builder::tcp::{Connection, visit};
use crate::builder::tls;

/// A connection whose beginning was not captured.
fn midstream(scene: &mut Scene, client: (Host, u16), server: (Host, u16)) {
    let mut tcp = Connection::underway(client, server, 40);
    tcp.say(scene, Client, &tls::application_data(u64::from(client.1), 1_000));
    tcp.say(scene, Server, &tls::application_data(u64::from(client.1) + 1, 3_000));
    tcp.close(scene);
}

/// A phone joins WeChat in the middle, beside a connection that names it; on a shared address two names stand
/// against each other; and a name claims Singapore for a machine in Germany.
pub(in crate::cases) fn neighbours() -> Files {
    let mut s = Scene::new();
    let other = local("192.168.1.24");
    visit(&mut s, (phone(), 40_201), (remote(at::SHANGHAI), 443), "short.weixin.qq.com", (2_000, 4_000));
    s.wait_ms(30_000);
    midstream(&mut s, (phone(), 40_202), (remote(at::SHANGHAI), 443));
    midstream(&mut s, (other, 40_203), (remote(at::SHANGHAI), 443));
    visit(&mut s, (phone(), 40_204), (remote(at::AKAMAI), 443), "v16m.tiktokcdn.com", (2_000, 4_000));
    visit(&mut s, (phone(), 40_205), (remote(at::AKAMAI), 443), "www.reddit.com", (2_000, 4_000));
    s.wait_ms(5_000);
    midstream(&mut s, (phone(), 40_206), (remote(at::AKAMAI), 443));
    s.resolve(phone(), resolver(), "sgshort.wechat.com", &[Address("162.62.52.1")]);
    visit(
        &mut s,
        (phone(), 40_207),
        (remote(at::TENCENT_IN_FRANKFURT), 443),
        "sgshort.wechat.com",
        (2_000, 4_000),
    );
    s.wait_ms(660_000);
    midstream(&mut s, (phone(), 40_208), (remote(at::SHANGHAI), 443));
    one(&s)
}
