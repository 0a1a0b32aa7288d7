//! What capture files say of the makers of their packets, on files that are built here byte by byte.

use flate2::Crc;
use proptest::prelude::*;

use super::tests::{BE, LE, Writer, file};
use super::*;
use crate::model::{Label, OriginSource, ProcessRef};

/// A frame's bytes, wire length, link type, maker, and whether it was relayed.
type Lent = (Vec<u8>, u32, LinkType, Option<ProcessRef>, bool);

struct Read {
    frames: Vec<Lent>,
    brought: Brought,
    names: Vec<CaptureName>,
    limits: BTreeMap<String, u64>,
}

fn read(bytes: &[u8]) -> Read {
    let (_folder, path) = file("x", bytes);
    let mut source = CaptureFiles::open(&[path], &FileOptions::default()).unwrap();
    let mut frames = Vec::new();
    while source
        .pump(3, &mut |f| {
            frames.push((
                f.bytes.to_vec(),
                f.wire_len,
                f.link_type,
                f.origin.map(|o| (**o).clone()),
                f.relayed,
            ));
        })
        .unwrap()
        != Pump::End
    {}
    Read {
        frames,
        names: source.take_names(),
        limits: source.limits(),
        brought: source.captures().remove(0).brought,
    }
}

/// A pcap file of one link type with these frames.
fn pcap(link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = LE.pcap_header(0xa1b2_c3d4, 4, link);
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        out.extend(LE.record([1, 0, length, length], 0, frame));
    }
    out
}

/// An IPv4 packet without payload between two addresses.
fn ipv4(from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 21, 0, 0, 0, 0, 64, 50, 0, 0];
    packet.extend(from);
    packet.extend(to);
    packet.push(7);
    packet
}

/// PCAPdroid's frame: no addresses, the packet, padding, and its trailer.
fn with_trailer(packet: &[u8], uid: i32, name: &str) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([8, 0]);
    frame.extend(packet);
    frame.resize(frame.len().next_multiple_of(4), 0);
    frame.extend([0x01, 0x07, 0x20, 0x21]);
    frame.extend(uid.to_be_bytes());
    let mut field = name.as_bytes().to_vec();
    field.resize(20, 0);
    frame.extend(field);
    let mut crc = Crc::new();
    crc.update(&frame);
    frame.extend(crc.sum().to_le_bytes());
    frame
}

fn label(text: &str) -> Option<Label> {
    Label::new(text.as_bytes())
}

const PHONE: [u8; 4] = [192, 168, 1, 7];
const FAR: [u8; 4] = [203, 0, 113, 9];

#[test]
fn a_trailer_is_taken_off_and_names_the_maker() {
    let packet = ipv4(PHONE, FAR);
    let frames = [with_trailer(&packet, 10_123, "WeChat"), with_trailer(&packet, -1, "Unknown")];
    let read = read(&pcap(1, &frames));
    let (bytes, wire, link, origin, relayed) = &read.frames[0];
    assert_eq!(bytes.len(), 36, "header, packet and padding, but no trailer");
    assert_eq!((*wire, *link, *relayed), (36, LinkType::ETHERNET, true));
    let origin = origin.as_ref().unwrap();
    assert_eq!((origin.uid, &origin.name), (Some(10_123), &label("WeChat")));
    assert_eq!(origin.source, OriginSource::PcapdroidTrailer);
    assert_eq!((&read.frames[1].3, read.frames[1].4), (&None, true), "an unknown user is nobody");
    assert_eq!(read.brought.uids.iter().copied().collect::<Vec<_>>(), [10_123]);
    assert_eq!((read.brought.frames, read.brought.relayed), (1, 2));
}

#[test]
fn a_trailer_with_a_wrong_checksum_is_no_trailer() {
    let mut frame = with_trailer(&ipv4(PHONE, FAR), 10_123, "WeChat");
    frame[20] ^= 1;
    let length = frame.len();
    let read = read(&pcap(1, &[frame]));
    assert_eq!(read.frames[0].0.len(), length);
    assert_eq!((&read.frames[0].3, read.frames[0].4), (&None, false));
    assert_eq!(read.limits["pcapdroid_trailers_broken"], 1);
}

#[test]
fn whoever_sends_frames_cannot_write_trailers() {
    // Inside the packet: its own last octets.
    let mut packet = vec![0x45, 0, 0, 86, 0, 0, 0, 0, 64, 50, 0, 0];
    packet.extend(PHONE);
    packet.extend(FAR);
    packet.extend([0; 34]);
    let frame = with_trailer(&packet, 10_123, "WeChat");
    assert_eq!(frame.len(), 14 + 86);
    let inside = read(&pcap(1, &[frame]));
    assert_eq!((inside.frames[0].0.len(), &inside.frames[0].3), (100, &None));
    // Behind the packet, but among frames of a network.
    let mut other = vec![2; 12];
    other.extend([8, 0]);
    other.extend(ipv4(PHONE, FAR));
    let frame = with_trailer(&ipv4(PHONE, FAR), 10_123, "WeChat");
    let among = read(&pcap(1, &[other, frame.clone()]));
    assert_eq!(
        among.frames[1],
        (frame.clone(), u32::try_from(frame.len()).unwrap(), LinkType::ETHERNET, None, false)
    );
    assert_eq!(among.limits["pcapdroid_trailers_broken"], 1);
}

#[test]
fn loopback_frames_without_addresses_stay_as_they_are() {
    let mut frame = vec![0; 12];
    frame.extend([8, 0]);
    frame.extend(ipv4([127, 0, 0, 1], [127, 0, 0, 1]));
    let read = read(&pcap(1, &[frame.clone()]));
    assert_eq!(read.frames, [(frame, 35, LinkType::ETHERNET, None, false)]);
    assert!(read.brought.is_empty());
}

#[test]
fn where_the_trailer_did_not_fit_the_bare_packet_is_read_as_one() {
    let packet = ipv4(PHONE, FAR);
    let read = read(&pcap(1, &[with_trailer(&packet, 10_123, "WeChat"), packet.clone()]));
    assert_eq!(read.frames[1], (packet, 21, LinkType::RAW, None, true));
}

#[test]
fn packets_of_the_vpn_are_relayed_and_others_are_not() {
    let vpn = [10, 215, 173, 1];
    let frames = [ipv4(vpn, FAR), ipv4(FAR, vpn), ipv4(PHONE, FAR)];
    let relayed: Vec<bool> = read(&pcap(101, &frames)).frames.iter().map(|f| f.4).collect();
    assert_eq!(relayed, [true, true, false]);
}

fn pktap(pid: u32, name: &str, effective: u32, effective_name: &str) -> Vec<u8> {
    let mut header = vec![0; 108];
    header[0] = 108;
    header[4] = 1;
    header[8] = 101;
    header[52..56].copy_from_slice(&pid.to_le_bytes());
    header[56..56 + name.len()].copy_from_slice(name.as_bytes());
    header[84..88].copy_from_slice(&effective.to_le_bytes());
    header[88..88 + effective_name.len()].copy_from_slice(effective_name.as_bytes());
    header.extend(ipv4(PHONE, FAR));
    header
}

#[test]
fn pktap_prefers_the_process_that_is_acted_for() {
    let frames = [
        pktap(90, "nsurlsessiond", 501, "WeChat"),
        pktap(77, "curl", 0, ""),
        pktap(u32::MAX, "", u32::MAX, ""),
    ];
    for link in [149, 258] {
        let read = read(&pcap(link, &frames));
        let of = |at: usize| read.frames[at].3.as_ref().map(|o| (o.pid, o.name.clone()));
        assert_eq!(of(0), Some((Some(501), label("WeChat"))));
        assert_eq!(of(1), Some((Some(77), label("curl"))));
        assert_eq!(of(2), None);
    }
}

#[test]
fn a_netfilter_log_gives_the_user_in_both_byte_orders() {
    for writer in [LE, BE] {
        let mut frame = vec![2, 0, 0, 5];
        let attribute = |frame: &mut Vec<u8>, kind: u16, value: &[u8]| {
            frame.extend(writer.u16(u16::try_from(value.len() + 4).unwrap()));
            frame.extend(writer.u16(kind));
            frame.extend(value);
            frame.resize(frame.len().next_multiple_of(4), 0);
        };
        attribute(&mut frame, 10, b"x\0");
        attribute(&mut frame, 9, &ipv4(PHONE, FAR));
        attribute(&mut frame, 11, &1000_u32.to_be_bytes());
        let read = read(&pcap(239, &[frame]));
        let origin = read.frames[0].3.clone().unwrap();
        assert_eq!(origin, ProcessRef { uid: Some(1000), ..ProcessRef::unknown(OriginSource::Nflog) });
    }
}

/// A block's options, with their end.
fn options(writer: Writer, list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (code, value) in list.iter().chain(&[(0, &b""[..])]) {
        out.extend(writer.u16(*code));
        out.extend(writer.u16(u16::try_from(value.len()).unwrap()));
        out.extend(*value);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

fn section_by(writer: Writer, program: &str) -> Vec<u8> {
    let mut body = writer.u32(0x1a2b_3c4d).to_vec();
    body.extend(writer.u16(1));
    body.extend(writer.u16(0));
    body.extend([0xff; 8]);
    body.extend(options(writer, &[(4, program.as_bytes())]));
    let mut out = writer.block(0x0a0d_0d0a, &body);
    out.extend(writer.interface(101, 0, &[]));
    out
}

fn packet_with(writer: Writer, list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = [writer.u32(0), writer.u32(0), writer.u32(1), writer.u32(21), writer.u32(21)].concat();
    body.extend(ipv4(PHONE, FAR));
    body.extend([0; 3]);
    body.extend(options(writer, list));
    writer.block(6, &body)
}

fn uid_block(writer: Writer, uid: i32, package: &str, name: &str) -> Vec<u8> {
    let mut body = writer.u32(62_652).to_vec();
    body.extend(writer.u16(1));
    body.extend([1, 0]);
    body.extend(writer.u32(uid.cast_unsigned()));
    body.extend([u8::try_from(package.len()).unwrap(), u8::try_from(name.len()).unwrap()]);
    body.extend(package.as_bytes());
    body.extend(name.as_bytes());
    writer.block(0x0bad, &body)
}

#[test]
fn pcapdroid_blocks_give_package_and_name_to_the_comments_that_follow() {
    for writer in [LE, BE] {
        let mut bytes = section_by(writer, "PCAPdroid v1.8");
        bytes.extend(uid_block(writer, 10_123, "com.tencent.mm", "微信"));
        bytes.extend(uid_block(writer, 1_000, "android", "Android System"));
        for comment in ["u-10123", "u-1000", "u--1", "u-10999"] {
            bytes.extend(packet_with(writer, &[(1, comment.as_bytes())]));
        }
        let read = read(&bytes);
        let of = |at: usize| read.frames[at].3.as_ref().map(|o| (o.uid, o.package.clone(), o.name.clone()));
        assert_eq!(of(0), Some((Some(10_123), label("com.tencent.mm"), label("微信"))));
        assert_eq!(
            of(1),
            Some((Some(1_000), None, label("Android System"))),
            "the system's id is many packages'"
        );
        assert_eq!(of(2), None);
        assert_eq!(of(3), Some((Some(10_999), None, None)));
        assert!(read.frames.iter().all(|f| f.4), "without root it is a relay");
    }
}

#[test]
fn two_packages_of_one_user_are_neither() {
    let mut bytes = section_by(LE, "PCAPdroid v1.8");
    bytes.extend(uid_block(LE, 10_007, "com.google.android.gms", "Play services"));
    bytes.extend(uid_block(LE, 10_007, "com.google.android.gsf", "Services Framework"));
    bytes.extend(packet_with(LE, &[(1, b"u-10007")]));
    assert_eq!(read(&bytes).frames[0].3.as_ref().unwrap().package, None);
}

#[test]
fn with_root_directions_are_noted_and_times_are_the_networks() {
    let mut bytes = section_by(LE, "PCAPdroid v1.8");
    bytes.extend(packet_with(LE, &[(2, &2_u32.to_le_bytes()), (1, b"u-10123")]));
    let read = read(&bytes);
    assert!(!read.frames[0].4);
    assert_eq!(read.frames[0].3.as_ref().unwrap().uid, Some(10_123));
}

#[test]
fn comments_of_other_programs_name_nobody() {
    let mut bytes = section_by(LE, "dumpcap");
    bytes.extend(packet_with(LE, &[(1, b"u-10123")]));
    bytes.extend(packet_with(LE, &[(1, b"PID=4 TID=8")]));
    let read = read(&bytes);
    assert!(read.frames.iter().all(|f| f.3.is_none() && !f.4));
    assert_eq!(read.brought.pid_comments, 1, "told, not used");
}

#[test]
fn apple_processes_are_known_by_their_place_in_the_section() {
    let block = |pid: u32, name: &str| {
        let mut body = LE.u32(pid).to_vec();
        body.extend(options(LE, &[(4, &[9; 16]), (2, name.as_bytes())]));
        LE.block(0x8000_0001, &body)
    };
    let mut bytes = section_by(LE, "tcpdump");
    bytes.extend(block(501, "mDNSResponder"));
    bytes.extend(block(77, "WeChat"));
    bytes.extend(packet_with(LE, &[(32_769, &0_u32.to_le_bytes())]));
    bytes.extend(packet_with(LE, &[(32_769, &0_u32.to_le_bytes()), (32_771, &1_u32.to_le_bytes())]));
    bytes.extend(packet_with(LE, &[(32_769, &9_u32.to_le_bytes())]));
    bytes.extend(section_by(LE, "tcpdump"));
    bytes.extend(packet_with(LE, &[(32_769, &0_u32.to_le_bytes())]));
    let read = read(&bytes);
    let pids: Vec<_> = read.frames.iter().map(|f| f.3.as_ref().and_then(|o| o.pid)).collect();
    assert_eq!(pids, [Some(501), Some(77), None, None]);
    assert_eq!(read.frames[1].3.as_ref().unwrap().name, label("WeChat"));
}

#[test]
fn process_information_is_found_by_process_id() {
    for writer in [LE, BE] {
        let mut entry = 1234_u32.to_le_bytes().to_vec();
        entry.extend(options(LE, &[(2, b"curl"), (3, b"/usr/bin/curl"), (6, &1000_u32.to_le_bytes())]));
        let mut body = writer.u32(32_622).to_vec();
        body.extend(3_u32.to_le_bytes());
        body.extend(u32::try_from(entry.len()).unwrap().to_le_bytes());
        body.extend(entry);
        let mut bytes = section_by(writer, "Wireshark");
        bytes.extend(writer.block(0x0bad, &body));
        let of = |pid: u32| [writer.u32(pid), writer.u32(1)].concat();
        bytes.extend(packet_with(writer, &[(8, &of(1234))]));
        bytes.extend(packet_with(writer, &[(8, &of(5))]));
        let read = read(&bytes);
        let expected = ProcessRef {
            name: label("curl"),
            pid: Some(1234),
            uid: Some(1000),
            executable: label("/usr/bin/curl"),
            ..ProcessRef::unknown(OriginSource::ProcessBlock)
        };
        assert_eq!(read.frames[0].3.as_ref(), Some(&expected));
        assert_eq!(read.frames[1].3.as_ref().unwrap().pid, Some(5));
    }
}

#[test]
fn names_of_addresses_are_taken_and_secrets_are_not() {
    let mut body = Vec::new();
    body.extend(LE.u16(1));
    body.extend(LE.u16(14));
    body.extend(FAR);
    body.extend(b"a.example\0");
    body.extend([0; 2]);
    body.extend(LE.u16(2));
    body.extend(LE.u16(33));
    body.extend("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    body.extend(b"b.example\0not a n\0");
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend([0; 4]);
    let mut bytes = section_by(LE, "Wireshark");
    bytes.extend(LE.block(4, &body));
    bytes.extend(LE.block(10, b"KSLT\x04\0\0\0keys"));
    let read = read(&bytes);
    let names: Vec<String> = read.names.iter().map(|n| format!("{} {}", n.addr, n.name)).collect();
    assert_eq!(names, ["203.0.113.9 a.example", "2001:db8::1 b.example"]);
    assert_eq!((read.brought.addresses_named, read.brought.secrets_blocks), (2, 1));
}

#[test]
fn makers_beyond_the_limit_are_counted() {
    let mut bytes = section_by(LE, "PCAPdroid v1.8");
    for uid in 0..16_390 {
        bytes.extend(uid_block(LE, uid, "p", "n"));
    }
    assert_eq!(read(&bytes).limits["origins_not_kept"], 6);
}

/// A file in which each kind of block and header occurs.
fn everything() -> Vec<u8> {
    let mut bytes = section_by(LE, "PCAPdroid v1.8");
    bytes.extend(uid_block(LE, 10_123, "com.tencent.mm", "WeChat"));
    bytes.extend(packet_with(LE, &[(1, b"u-10123"), (8, &[1; 8]), (32_769, &[0; 4])]));
    bytes.extend(LE.block(0x8000_0001, &[1, 0, 0, 0, 2, 0, 1, 0, b'x', 0, 0, 0]));
    bytes.extend(LE.block(4, &[1, 0, 6, 0, 1, 2, 3, 4, b'a', 0, 0, 0, 0, 0, 0, 0]));
    for (link, frame) in [(258_u16, pktap(1, "a", 2, "b")), (239, vec![2, 0, 0, 0, 8, 0, 11, 0, 0, 0, 0, 1])]
    {
        bytes.extend(section_by(LE, "x"));
        bytes.extend(LE.interface(link, 0, &[]));
        bytes.extend(LE.enhanced(1, 1, 200, &frame));
    }
    bytes
}

proptest! {
    #[test]
    fn lies_in_such_files_do_no_harm(
        lies in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = everything();
        for (at, value) in lies {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len()).max(28));
        let (_folder, path) = file("x", &bytes);
        if let Ok(mut source) = CaptureFiles::open(&[path], &FileOptions::default()) {
            while source.pump(3, &mut |f| assert!(f.wire_len as usize >= f.bytes.len())).unwrap() != Pump::End {}
        }
    }

    #[test]
    fn any_bytes_behind_a_header_do_no_harm(
        link in prop::sample::select(vec![1_u32, 101, 149, 239, 258]),
        zeros in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut frame = if zeros { vec![0; 12] } else { Vec::new() };
        frame.extend(bytes);
        prop_assert_eq!(read(&pcap(link, &[frame])).frames.len(), 1);
    }
}
