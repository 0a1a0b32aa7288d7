//! All fingerprints, each with what it rests on. The order is the order of asking: applications before anybody's
//! protocols, long magics before shapes.

use crate::model::ProtocolProof::{Strong, Weak};

use super::fingerprint::Test::{Datagrams, Stream};
use super::fingerprint::{Fingerprint, Owner};
use super::{binary, games, media, messengers, telegram, tencent, text, things, tools, vendors};

const CAPTURE: &str = "own reading of public captures";
const RFC: &str = "its RFC or published specification";

macro_rules! fingerprints {
    ($($name:literal $owner:expr, $bits:literal, $speaker:literal, $test:expr, $source:expr, $guard:literal;)*) => {
        &[$(Fingerprint {
            name: $name, owner: $owner, bits: $bits, speaker: $speaker, source: $source, guard: $guard, test: $test,
        }),*]
    };
}

const STRONG: Owner = Owner::App(Strong);
const WEAK: Owner = Owner::App(Weak);
const ANYBODY: Owner = Owner::Anybody;

/// The table.
#[rustfmt::skip]
pub(super) static FINGERPRINTS: &[Fingerprint] = fingerprints![
    "mmtls" STRONG, 64, "either side", Stream(tencent::mmtls),
        "Citizen Lab, wechat-security-report, 2024; own reading of public captures",
        "two lengths of the hello agree, or a second record follows where the first ends";
    "mmtls" STRONG, 272, "client", Stream(tencent::mmtls_http),
        "Citizen Lab, wechat-security-report, 2024",
        "path of hexadecimal digits and the User-Agent of WeChat's network library";
    "oicq" STRONG, 32, "client", Datagrams(tencent::oicq), "Wireshark's description of OICQ; own reading of public captures",
        "port 8000, version seen before, first and last byte; else both sides share version, command and account";
    "qq_msf" STRONG, 72, "client", Stream(tencent::msf), CAPTURE, "length in range before the magic";
    "gcloud" STRONG, 48, "either side", Stream(tencent::gcloud), CAPTURE,
        "type and length behind each of the three magics";
    "mtproto" STRONG, 160, "client", Stream(telegram::mtproto), "core.telegram.org/mtproto/mtproto-transports",
        "marker, length, empty key id and the constructor of the first request";
    "mtproto" WEAK, 8, "client", Stream(telegram::mtproto_at_home), "core.telegram.org/mtproto/mtproto-transports",
        "only at Telegram's own prefixes and ports; random text is counted";
    "telegram_call" STRONG, 320, "both", Datagrams(telegram::relay), CAPTURE,
        "the relay repeats the peer's tag, and both have twelve bytes of ff behind it";
    "whatsapp" STRONG, 48, "client", Stream(messengers::whatsapp), CAPTURE,
        "frame length and first tag of the hello behind the header";
    "viber" STRONG, 64, "client", Stream(messengers::viber), CAPTURE,
        "Viber's ports; two frames chain and count up, or the session stands twice";
    "viber" STRONG, 112, "both", Datagrams(messengers::viber_media), CAPTURE,
        "the answer repeats eight bytes of the question and has the matching type";
    "loco" STRONG, 100, "client", Stream(messengers::loco), "KiwiTalk and node-kakao, open clients; own reading of public captures",
        "numbers of both ciphers in range, a key that looks sealed, and a length behind it";
    "line_call" WEAK, 40, "both", Datagrams(messengers::line_call), CAPTURE, "both sides; and the address must be LINE's";
    "zalo_call" WEAK, 32, "both", Datagrams(messengers::zalo_call), "libprotoident, 2020",
        "both sides with one of four lengths; and the address or name must be Zalo's";
    "discord" STRONG, 64, "both", Datagrams(messengers::discord), "Discord's developer documentation, voice connections; own reading of public captures",
        "the server repeats the number or the stream id, at the same length";
    "alicloud" STRONG, 44, "either side", Stream(vendors::alicloud), CAPTURE, "length in range";
    "dingtalk" STRONG, 104, "client", Stream(vendors::dingtalk), CAPTURE, "13 fixed bytes";
    "xiaomi_push" STRONG, 44, "either side", Stream(vendors::xiaomi_push), CAPTURE, "length in range, inner length smaller";
    "spotify" STRONG, 53, "client", Stream(vendors::spotify), "librespot, an open client; own reading of public captures",
        "port 4070, length in range, first two field tags";
    "spotify" STRONG, 64, "client", Datagrams(vendors::spotify_local), CAPTURE, "eight letters at the beginning";
    "steam" STRONG, 32, "either side", Datagrams(vendors::steam), "SteamRE, open documentation of the protocol", "header length";
    "dropbox" STRONG, 96, "client", Datagrams(vendors::dropbox_local), CAPTURE, "port 17500 and two keys of its JSON";
    "miio" STRONG, 64, "either side", Datagrams(things::miio), "python-miio, an open client",
        "the datagram's own length, and port 54321 or the greeting of ones";
    "tuya" STRONG, 80, "either side", Stream(things::tuya), "tinytuya, an open client", "the end mark stands where the length says";
    "tuya" STRONG, 80, "device", Datagrams(things::tuya_datagram), "tinytuya, an open client; own reading of public captures",
        "the end mark stands where the length says, and ends the datagram";
    "dahua" STRONG, 64, "client", Stream(things::dahua), "python-dahua and Wireshark users' notes on DHIP, 2019", "eight fixed bytes, or four and a trailer";
    "dahua" STRONG, 64, "either side", Datagrams(things::dahua_datagram), "the same", "eight fixed bytes";
    "hikvision" STRONG, 128, "client", Stream(things::hikvision), "nesca, an open scanner", "port 8000 and 16 fixed bytes";
    "hikvision" STRONG, 104, "client", Datagrams(things::sadp), "published descriptions of SADP", "port 37020 and two XML elements";
    "baichuan" STRONG, 56, "either side", Stream(things::baichuan), "neolink, an open client", "length and class behind the magic";
    "baichuan" STRONG, 64, "either side", Datagrams(things::baichuan_datagram), "neolink, an open client", "the length agrees with the datagram";
    "tplink_kasa" STRONG, 80, "client", Stream(things::kasa), "softScheck, 2016", "port 9999; the text in clear is JSON with a module's name";
    "tplink_kasa" STRONG, 80, "either side", Datagrams(things::kasa_datagram), "softScheck, 2016", "port 9999; the text in clear is JSON with a module's name";
    "tplink_kasa" STRONG, 128, "client", Datagrams(things::tplink_newer), "python-kasa, an open client", "port 20002 and nothing but these sixteen bytes";
    "lifx" STRONG, 44, "either side", Datagrams(things::lifx), "LIFX's description of its LAN protocol", "port 56700, and the length agrees with the datagram";
    "broadlink" STRONG, 64, "either side", Datagrams(things::broadlink), "python-broadlink, an open client", "eight fixed bytes, and a whole header";
    "govee" STRONG, 120, "either side", Datagrams(things::govee), "Govee's guide to its WLAN interface", "ports 4001 to 4003 and the beginning of its JSON";
    "gree" STRONG, 96, "client", Datagrams(things::gree), "gree-remote, an open client", "port 7000 and nothing but this text";
    "midea" STRONG, 40, "either side", Datagrams(things::midea), "msmart, an open client", "its ports, and the length agrees with the datagram";
    "minecraft" STRONG, 40, "client", Stream(games::minecraft), "Minecraft's protocol as open clients describe it", "three lengths agree, a host in letters, and the port is the one that it goes to";
    "minecraft" STRONG, 168, "server", Datagrams(games::minecraft_bedrock), "RakNet's source; gophertunnel, an open client", "RakNet's mark and the game's letters";
    "mihoyo_kcp" STRONG, 96, "either side", Datagrams(games::mihoyo), "open servers of several authors", "twenty bytes, of which twelve are fixed";
    "nintendo_pia" STRONG, 32, "either side", Datagrams(games::pia), "NintendoClients, an open client", "a version behind the magic";
    "steam" STRONG, 64, "either side", Datagrams(games::steam_local), "open clients of Steam's local discovery", "eight fixed bytes, and a header that ends inside";
    "teamspeak" STRONG, 80, "either side", Datagrams(games::teamspeak), "tsclientlib, an open client", "ten fixed bytes";
    "mumble" STRONG, 104, "both", Datagrams(games::mumble), "Mumble's description of its protocol", "the server repeats eight bytes, behind its version";
    "teamviewer" STRONG, 40, "either side", Stream(tools::teamviewer), "libprotoident, 2015", "a second frame begins where the first ends";
    "tailscale" STRONG, 48, "either side", Datagrams(tools::tailscale), "Tailscale's own open client (disco)", "the least length of such a message";
    "syncthing" STRONG, 48, "either side", Datagrams(tools::syncthing), "Syncthing's description of local discovery, version 4", "port 21027, magic and the length of an id";
    "ookla" STRONG, 64, "either side", Stream(tools::ookla), "speedtest-go, an open client; own reading of public captures",
        "a number in its written form to the end of the line, a command behind it, or version and date";
    "zoom" STRONG, 144, "both", Datagrams(media::zoom), CAPTURE, "ports 8801 to 8810, and the server repeats 18 bytes";

    "ssh" ANYBODY, 64, "either side", Stream(text::ssh), RFC, "version behind the letters";
    "rdp" ANYBODY, 40, "either side", Stream(binary::rdp), RFC, "two lengths agree, and a cookie or negotiation follows";
    "smb" ANYBODY, 40, "either side", Stream(binary::smb), RFC, "frame length before the magic";
    "bittorrent" ANYBODY, 160, "either side", Stream(binary::bittorrent), RFC, "20 fixed bytes";
    "mqtt" ANYBODY, 56, "client", Stream(binary::mqtt), RFC, "name and level of the protocol";
    "sip" ANYBODY, 64, "either side", Stream(text::sip), RFC, "method and scheme";
    "rtsp" ANYBODY, 72, "either side", Stream(text::rtsp), RFC, "method and scheme";
    "xmpp" ANYBODY, 120, "either side", Stream(text::xmpp), RFC, "the stream element";
    "gnutella" ANYBODY, 88, "either side", Stream(text::gnutella), "Gnutella 0.6, RFC draft 2002", "name and version";
    "smtp" ANYBODY, 40, "either side", Stream(text::smtp), RFC, "a command with its space, or a code and the protocol's name";
    "ftp" ANYBODY, 56, "server", Stream(text::ftp), RFC, "a code and the protocol's name";
    "imap" ANYBODY, 72, "server", Stream(text::imap), RFC, "a greeting and the protocol's name";
    "pop3" ANYBODY, 56, "server", Stream(text::pop3), RFC, "a greeting and the protocol's name";
    "imap" ANYBODY, 88, "client", Stream(text::imap_client), RFC, "a tag, a command and the line's end";
    "pop3" ANYBODY, 48, "client", Stream(text::pop3_client), RFC, "a command and the line's end";
    "ftp" ANYBODY, 48, "client", Stream(text::ftp_client), RFC, "a command and the line's end";
    "postgresql" ANYBODY, 24, "either side", Stream(binary::postgresql), RFC, "a request of 64 fixed bits; of the server a yes with TLS behind it";
    "mysql" ANYBODY, 50, "either side", Stream(binary::mysql), RFC, "protocol 10 and a version with a dot; or 23 zeroes";
    "ldap" ANYBODY, 80, "either side", Stream(binary::ldap), RFC, "an object identifier; or an answer without any text";
    "openvpn" ANYBODY, 64, "client", Stream(binary::openvpn_stream), RFC, "length, and five zero bytes at the frame's end";

    "dhcp" ANYBODY, 32, "either side", Datagrams(binary::dhcp), RFC, "the cookie at its place";
    "bittorrent" ANYBODY, 72, "either side", Datagrams(binary::bittorrent_datagram), RFC, "12 fixed bytes; or the answer repeats id and number";
    "wireguard" ANYBODY, 96, "either side", Datagrams(binary::wireguard), RFC, "lengths, an empty second MAC, or the answer names the index";
    "openvpn" ANYBODY, 80, "both", Datagrams(binary::openvpn), RFC, "the server repeats the client's session";
    "sip" ANYBODY, 64, "either side", Datagrams(text::sip_datagram), RFC, "method and scheme";
    "ntp" ANYBODY, 8, "either side", Datagrams(binary::ntp), RFC, "port 123, version, mode and length";
    "dhcpv6" ANYBODY, 20, "either side", Datagrams(binary::dhcpv6), RFC, "ports 546 and 547, and the first option's length";
    "snmp" ANYBODY, 40, "either side", Datagrams(binary::snmp), RFC, "ports 161 and 162, and the length agrees";
    "netbios" ANYBODY, 104, "either side", Datagrams(binary::netbios), RFC, "port 137 and 32 letters of an encoded name";
    "netbios" ANYBODY, 5, "either side", Datagrams(binary::netbios_datagram), RFC, "port 138 and a message type";
    "ike" ANYBODY, 44, "either side", Datagrams(binary::ike), RFC, "ports 500 and 4500, version, exchange, and the length agrees";
    "nat_pmp" ANYBODY, 16, "either side", Datagrams(binary::nat_pmp), RFC, "port 5351 and exact lengths";
    "ws_discovery" ANYBODY, 320, "either side", Datagrams(binary::ws_discovery), RFC, "port 3702 and the namespace";
    "raknet" ANYBODY, 136, "either side", Datagrams(games::raknet), "RakNet's source", "sixteen fixed bytes behind a kind of message";
    "source_engine" ANYBODY, 200, "client", Datagrams(binary::source_engine), "Valve's documentation of server queries", "25 fixed bytes";
    "gnutella" ANYBODY, 30, "either side", Datagrams(text::gnutella_datagram), "Gnutella 0.6, RFC draft 2002", "three letters and flags; an answer";
    "syslog" ANYBODY, 24, "client", Datagrams(text::syslog), RFC, "port 514 and a priority in range";
    "coap" ANYBODY, 34, "both", Datagrams(binary::coap), RFC, "port 5683, and the answer repeats message id and token";
    "rtcp" ANYBODY, 60, "both", Datagrams(media::rtcp), RFC, "lengths fill the datagram, twice, with the same source";
    "rtp" ANYBODY, 150, "either side", Datagrams(media::rtp), RFC, "four packets of one source in a row";
];
