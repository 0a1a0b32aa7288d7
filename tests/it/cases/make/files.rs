//! Capture files: formats, several of them, broken ones, and clocks that were set.

use super::{Files, at, browse, call, one, phone, resolver};
use crate::builder::dns::Answer::Address;
use crate::builder::file;
use crate::builder::net::remote;
use crate::builder::scene::Scene;
use crate::builder::tcp::{Connection, Who};
use crate::builder::tls::{Hello, application_data, records};

fn short() -> Scene {
    let mut s = Scene::new();
    browse(&mut s, "short.weixin.qq.com", at::SHANGHAI, 40_101, (3_000, 4_000));
    s
}

pub(in crate::cases) fn cut_short() -> Files {
    let mut bytes = file::pcap(&short().frames);
    bytes.truncate(bytes.len() - 21);
    vec![("input.pcap", bytes)]
}

/// The tenth record says that it is longer than any frame.
pub(in crate::cases) fn broken_in_the_middle() -> Files {
    let frames = short().frames;
    let place = file::pcap(&frames[..9]).len();
    let mut bytes = file::pcap(&frames);
    bytes[place + 8..place + 12].copy_from_slice(&[0xff; 4]);
    vec![("input.pcap", bytes)]
}

pub(in crate::cases) fn an_empty_capture() -> Files {
    vec![("input.pcap", file::pcap(&[]))]
}

pub(in crate::cases) fn no_capture() -> Files {
    vec![("input.pcap", b"Dear diary, today I captured nothing at all.\n".to_vec())]
}

pub(in crate::cases) fn bad_config() -> Files {
    one(&short())
}

pub(in crate::cases) fn gzip() -> Files {
    vec![("input.pcap.gz", file::gzip(&file::pcap(&short().frames)))]
}

pub(in crate::cases) fn zstd() -> Files {
    vec![("input.pcap.zst", file::zstd(&file::pcap(&short().frames)))]
}

pub(in crate::cases) fn standard_input() -> Files {
    one(&short())
}

/// Two sections, two interfaces in the first, a block of unknown kind between.
pub(in crate::cases) fn pcapng_sections() -> Files {
    let frames = short().frames;
    let (first, second) = frames.split_at(frames.len() / 2);
    let turns: Vec<(u32, &file::Frame)> = (0..).zip(first).map(|(i, f)| (i % 2, f)).collect();
    let rest: Vec<(u32, &file::Frame)> = second.iter().map(|f| (0, f)).collect();
    let bytes = [
        file::pcapng_section(&["wlan0", "eth0"], &turns),
        file::unknown_block(),
        file::pcapng_section(&["eth1"], &rest),
    ]
    .concat();
    vec![("input.pcapng", bytes)]
}

/// One story in three files of three formats: the question, the connection's beginning, and its end.
pub(in crate::cases) fn merged_by_time() -> Files {
    let mut s = Scene::new();
    s.resolve(phone(), resolver(), "short.weixin.qq.com", &[Address(at::SHANGHAI)]);
    let asked = s.frames.len();
    let mut tcp = Connection::open(&mut s, (phone(), 40_101), (remote(at::SHANGHAI), 443), 40);
    tcp.say(&mut s, Who::Client, &records(&Hello::nameless().message(), &[]));
    let begun = s.frames.len();
    tcp.say(&mut s, Who::Client, &application_data(1, 3_000));
    tcp.close(&mut s);
    let end: Vec<(u32, &file::Frame)> = s.frames[begun..].iter().map(|f| (0, f)).collect();
    // The names are in the wrong order on purpose: time decides, not the order of the arguments.
    vec![
        ("a-end.pcapng", file::pcapng_section(&["eth0"], &end)),
        ("b-question.pcap", file::pcap_big_endian(&s.frames[..asked])),
        ("c-begin.pcap", file::pcap_nanos(&s.frames[asked..begun])),
    ]
}

/// Bare IP packets, without a link layer.
pub(in crate::cases) fn bare_ip() -> Files {
    vec![("input.pcap", file::pcap_raw(&file::without_ethernet(&short().frames)))]
}

/// The clock is set two days back and three years forth while a connection goes on.
pub(in crate::cases) fn clock_set() -> Files {
    const DAY: i64 = 86_400_000;
    let mut s = Scene::new();
    let mut tcp = Connection::open(&mut s, (phone(), 40_101), (remote(at::SHANGHAI), 443), 40);
    tcp.say(&mut s, Who::Client, &records(&Hello::to("short.weixin.qq.com").message(), &[]));
    s.wait_ms(-2 * DAY);
    tcp.say(&mut s, Who::Client, &application_data(1, 2_000));
    s.wait_ms(3 * 365 * DAY);
    tcp.say(&mut s, Who::Server, &application_data(2, 2_000));
    tcp.close(&mut s);
    s.wait_ms(500);
    call(&mut s, "long.weixin.qq.com", at::SHANGHAI, 40_102, (500, 500));
    one(&s)
}
