//! Vendors' connections, things, games and tools: each with its own bytes and with near misses.

use super::*;

#[test]
fn vendors_connections_are_met_and_their_neighbours_not() {
    assert_eq!(stream(8999, true, b"\xce\xfa\xbe\xba\x80\0\0\0"), Some("alicloud"));
    assert_eq!(stream(8999, true, b"\xce\xfa\xbe\xba\0\0\0\x80"), None, "no such length");
    assert_eq!(stream(443, true, b"\x10\x64\x87\x80\x01\0\x01\0\x02\0\x02dk\x03\0\x20"), Some("dingtalk"));
    assert_eq!(stream(443, true, b"\x10\x64\x87\x80\x01\0\x01\0\x02\0\x02dj\x03\0\x20"), None);
    let push = b"\xc2\xfe\0\x05\0\0\0\x36\0\x02\0\x16\0\0\0\x18";
    assert_eq!(stream(5222, true, push), Some("xiaomi_push"));
    assert_eq!(
        stream(5222, true, b"\xc2\xfe\0\x05\0\0\0\x36\0\x02\0\x16\0\0\0\x58"),
        None,
        "inner length larger"
    );
    assert_eq!(stream(4070, true, b"\0\x04\0\0\x01\x49\x52\x0f\x50\x02"), Some("spotify"));
    assert_eq!(stream(4071, true, b"\0\x04\0\0\x01\x49\x52\x0f\x50\x02"), None);
    assert_eq!(datagrams(57621, &[(true, b"SpotUdp0\x01\x02")]), Some("spotify"));
    assert_eq!(datagrams(27015, &[(true, &join(&[b"VS01", &noise(40)]))]), Some("steam"));
    let dropbox =
        br#"{"version": [2, 0], "port": 17500, "host_int": 5, "displayname": "", "namespaces": [1]}"#;
    assert_eq!(datagrams(17500, &[(true, dropbox)]), Some("dropbox"));
    assert_eq!(datagrams(17501, &[(true, dropbox)]), None);
}

#[test]
fn things_are_met_and_their_neighbours_not() {
    let greeting = join(&[&[0x21, 0x31, 0, 0x20], &[0xff; 28]]);
    assert_eq!(datagrams(54321, &[(true, &greeting)]), Some("miio"));
    let message = join(&[&[0x21, 0x31, 0, 0x40, 0, 0, 0, 0], &noise(56)]);
    assert_eq!(datagrams(54321, &[(true, &message)]), Some("miio"));
    assert_eq!(datagrams(54322, &[(true, &message)]), None);
    let tuya = |end: u8| {
        join(&[&[0, 0, 0x55, 0xaa, 0, 0, 0, 0, 0, 0, 0, 0x13, 0, 0, 0, 16], &noise(12), &[0, 0, 0xaa, end]])
    };
    assert_eq!(datagrams(6667, &[(true, &tuya(0x55))]), Some("tuya"));
    assert_eq!(stream(6668, true, &tuya(0x55)), Some("tuya"));
    assert_eq!(datagrams(6667, &[(true, &tuya(0x56))]), None);
    let new = join(&[&[0, 0, 0x66, 0x99, 0, 0], &[0; 8], &[0, 0, 0, 30], &noise(30), &[0, 0, 0x99, 0x66]]);
    assert_eq!(datagrams(6667, &[(true, &new)]), Some("tuya"));
    assert_eq!(stream(37777, true, b"\x20\0\0\0DHIP\0\0\0\0"), Some("dahua"));
    let login = join(&[&[0xa0, 0, 0, 0x60], &[0; 20], &[4, 1, 0, 0, 0, 0, 0xa1, 0xaa]]);
    assert_eq!(stream(37777, true, &login), Some("dahua"));
    assert_eq!(datagrams(37810, &[(true, b"\x20\0\0\0DHIP\0\0\0\0")]), Some("dahua"));
    let sdk = join(&[&[0, 0, 0, 0x20, 0x63], &[0; 27]]);
    assert_eq!(stream(8000, true, &sdk), Some("hikvision"));
    assert_eq!(stream(8001, true, &sdk), None);
    let sadp = b"<?xml version=\"1.0\"?><Probe><Uuid>1</Uuid><Types>inquiry</Types></Probe>";
    assert_eq!(datagrams(37020, &[(true, sadp)]), Some("hikvision"));
    let login = b"\xf0\xde\xbc\x0a\x01\0\0\0\x2c\x07\0\0\0\0\0\x01\x01\xdc\x14\x65";
    assert_eq!(stream(9000, true, login), Some("baichuan"));
    assert_eq!(stream(9000, true, b"\xf0\xde\xbc\x0a\x01\0\0\0\x2c\x07\0\0\0\0\0\x01\x01\xdc\x14\x99"), None);
    let found = join(&[&[0x3a, 0xcf, 0x87, 0x2a, 10, 0, 0, 0], &noise(22)]);
    assert_eq!(datagrams(2015, &[(true, &found)]), Some("baichuan"));
    let mut key = 171;
    let kasa: Vec<u8> = b"{\"system\":{\"get_sysinfo\":{}}}"
        .iter()
        .map(|b| {
            key ^= b;
            key
        })
        .collect();
    assert_eq!(datagrams(9999, &[(true, &kasa)]), Some("tplink_kasa"));
    assert_eq!(stream(9999, true, &join(&[&[0, 0, 0, 29], &kasa])), Some("tplink_kasa"));
    assert_eq!(datagrams(9999, &[(true, &noise(40))]), None);
}

#[test]
fn games_are_met_and_their_neighbours_not() {
    let handshake = |port: u16, wanted: u8, length: u8| {
        let host = b"play.example.net";
        join(&[&[length, 0, 0xff, 5, 16], host, &port.to_be_bytes(), &[wanted, 1, 0]])
    };
    assert_eq!(stream(25570, true, &handshake(25570, 2, 23)), Some("minecraft"));
    assert_eq!(stream(25570, true, &handshake(25570, 1, 23)), Some("minecraft"), "a status");
    assert_eq!(stream(25570, true, &handshake(25565, 2, 23)), None, "it goes to another port");
    assert_eq!(stream(25570, true, &handshake(25570, 9, 23)), None, "nothing that can be wanted");
    assert_eq!(stream(25570, true, &handshake(25570, 2, 24)), None, "the lengths do not agree");
    let mut unwritten = handshake(25570, 2, 23);
    unwritten[8] = 1;
    assert_eq!(stream(25570, true, &unwritten), None, "no host has such a letter");
    assert_eq!(
        stream(25570, true, b"\x17\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        None,
        "endless numbers"
    );
    let mark = [0, 0xff, 0xff, 0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78];
    let ping = join(&[&[1], &noise(8), &mark, &noise(8)]);
    let pong = |text: &[u8]| join(&[&[0x1c], &noise(16), &mark, &[0, 40], text, &noise(36)]);
    assert_eq!(datagrams(19132, &[(true, &ping), (false, &pong(b"MCPE;"))]), Some("minecraft"));
    assert_eq!(
        datagrams(19132, &[(true, &ping), (false, &pong(b"ARK;5"))]),
        Some("raknet"),
        "another's game"
    );
    assert_eq!(datagrams(19132, &[(true, &ping)]), None, "nobody answers");
    assert_eq!(datagrams(50000, &[(true, &join(&[&[5], &mark, &[11], &[0; 400]]))]), Some("raknet"));
    assert_eq!(datagrams(50000, &[(true, &join(&[&[5], &noise(16), &[11], &[0; 400]]))]), None);
    let word = [0x49, 0x96, 2, 0xd2];
    let open = join(&[&[0, 0, 0, 0xff], &[0; 8], &word, &[0xff; 4]]);
    assert_eq!(datagrams(22102, &[(true, &open)]), Some("mihoyo_kcp"));
    let granted = join(&[&[0, 0, 1, 0x45], &noise(8), &word, &[0x14, 0x51, 0x45, 0x45]]);
    assert_eq!(datagrams(22102, &[(false, &granted)]), Some("mihoyo_kcp"));
    assert_eq!(datagrams(22102, &[(true, &join(&[&open, &[0]]))]), None, "a byte more");
    assert_eq!(datagrams(22102, &[(true, &join(&[&[0, 0, 0, 0xff], &[0; 12], &[0xff; 4]]))]), None);
    let pia = |version: u8| join(&[&[0x32, 0xab, 0x98, 0x64, version], &noise(40)]);
    assert_eq!(datagrams(49152, &[(true, &pia(0x89))]), Some("nintendo_pia"));
    assert_eq!(datagrams(49152, &[(true, &pia(0x80))]), None, "no version");
    let steam =
        |header: u8| join(&[&[0xff, 0xff, 0xff, 0xff, 0x21, 0x4c, 0x5f, 0xa0, header, 0, 0, 0], &noise(30)]);
    assert_eq!(datagrams(27036, &[(true, &steam(12))]), Some("steam"));
    assert_eq!(datagrams(27036, &[(true, &steam(31))]), None, "the header ends outside");
    assert_eq!(
        datagrams(9987, &[(true, &join(&[b"TS3INIT1\0\x65\0\0\x88", &noise(21)]))]),
        Some("teamspeak")
    );
    assert_eq!(datagrams(9987, &[(true, &join(&[b"TS3INIT2\0\x65\0\0\x88", &noise(21)]))]), None);
    let ask = join(&[&[0; 4], &noise(8)]);
    let answer = |id: &[u8]| join(&[&[0, 1, 5, 0], id, &[0, 0, 0, 3, 0, 0, 0, 100, 0, 1, 0xf4, 0]]);
    assert_eq!(datagrams(64738, &[(true, &ask), (false, &answer(&noise(8)))]), Some("mumble"));
    assert_eq!(datagrams(64738, &[(true, &ask), (false, &answer(&noise(9)[1..]))]), None, "another's number");
    assert_eq!(datagrams(64738, &[(true, &[0; 12]), (false, &answer(&[0; 8]))]), None, "no number");
}

#[test]
fn tools_are_met_and_their_neighbours_not() {
    let frame = |begin: [u8; 2], length: u8| join(&[&begin, &[0x0a, length, 0], &noise(usize::from(length))]);
    let two = join(&[&frame([0x17, 0x24], 32), &frame([0x17, 0x24], 8)]);
    assert_eq!(stream(5938, true, &two), Some("teamviewer"));
    let newer = join(&[&frame([0x17, 0x24], 32), &[0x11, 0x30, 0x36, 0]]);
    assert_eq!(stream(443, false, &newer), Some("teamviewer"));
    let mut miss = two;
    miss[37] = 0x18;
    assert_eq!(stream(5938, true, &miss), None, "nothing begins where the first ends");
    let disco = join(&["TS\u{1f4ac}".as_bytes(), &noise(90)]);
    assert_eq!(datagrams(41641, &[(true, &disco)]), Some("tailscale"));
    assert_eq!(datagrams(41641, &[(true, &disco[..77])]), None, "too short for a seal");
    let local = join(&[&[0x2e, 0xa7, 0xd9, 0x0b, 0x0a, 0x20], &noise(32)]);
    assert_eq!(datagrams(21027, &[(true, &local)]), Some("syncthing"));
    assert_eq!(datagrams(21028, &[(true, &local)]), None);
    let number = b"HI e17cb6ac-c6b5-4b39-adcc-9700a61ae457\n";
    assert_eq!(stream(8080, true, number), Some("ookla"));
    assert_eq!(stream(8080, true, b"HI e17cb6ac-c6b5-4b39-adcc-9700a61ae45g\n"), None);
    assert_eq!(stream(8080, true, b"HI there, how are you\n"), None);
    assert_eq!(stream(8080, true, b"HI\nPING 1475746284921\n"), Some("ookla"));
    assert_eq!(stream(8080, true, b"HI\nPONG 1475746284921\n"), None);
    assert_eq!(stream(8080, false, b"HELLO 2.9 (2.9.2) 2021-11-30.2159.ffae0e0\n"), Some("ookla"));
    assert_eq!(stream(8080, false, b"HELLO 2.4 of this year\n and a date 2021-11-30\n"), None);
    assert_eq!(stream(8080, false, b"HELLO world 2021-11-30\n"), None);
}

#[test]
fn more_things_are_met_and_their_neighbours_not() {
    let tapo = b"\x02\0\0\x01\0\0\0\0\0\0\0\0\x46\x3c\xb5\xd3";
    assert_eq!(datagrams(20002, &[(true, tapo)]), Some("tplink_kasa"));
    assert_eq!(datagrams(20003, &[(true, tapo)]), None);
    let lifx = |length: u8, unused: u8| {
        join(&[&[length, 0, 0, 0x34, 1, 2, 3, 4], &[0xd0, 0x73, 0xd5, 1, 2, 3, unused, 0], &[0; 20]])
    };
    assert_eq!(datagrams(56700, &[(true, &lifx(36, 0))]), Some("lifx"));
    assert_eq!(datagrams(56700, &[(true, &lifx(37, 0))]), None, "not its length");
    assert_eq!(datagrams(56700, &[(true, &lifx(36, 1))]), None);
    let broadlink = join(&[&[0x5a, 0xa5, 0xaa, 0x55, 0x5a, 0xa5, 0xaa, 0x55], &noise(48)]);
    assert_eq!(datagrams(80, &[(true, &broadlink)]), Some("broadlink"));
    assert_eq!(datagrams(80, &[(true, &broadlink[..50])]), None);
    let govee = br#"{"msg":{"cmd":"scan","data":{"account_topic":"reserve"}}}"#;
    assert_eq!(datagrams(4001, &[(true, govee)]), Some("govee"));
    assert_eq!(datagrams(4004, &[(true, govee)]), None);
    assert_eq!(datagrams(7000, &[(true, br#"{"t":"scan"}"#)]), Some("gree"));
    assert_eq!(datagrams(7000, &[(true, br#"{"t":"scam"}"#)]), None);
    let midea = |length: u8| join(&[&[0x5a, 0x5a, 1, 0x11, length, 0, 0x92, 0], &noise(64)]);
    assert_eq!(datagrams(6445, &[(true, &midea(72))]), Some("midea"));
    assert_eq!(datagrams(6445, &[(true, &midea(71))]), None);
}
