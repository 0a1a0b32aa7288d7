"""What tshark says of a capture, by pair of endpoints: the second opinion.

JA4 is computed here from the fields that tshark reads, after FoxIO's description ("JA4 technical details", BSD licence):
tshark 4.0 does not know it.
"""

import hashlib
import subprocess

VERSIONS = {"0x0300": "ssl3", "0x0301": "1.0", "0x0302": "1.1", "0x0303": "1.2", "0x0304": "1.3",
            "0xfeff": "0xfeff", "0xfefd": "0xfefd", "0xfefc": "0xfefc"}
HELLO = ["type", "version", "ciphersuite", "extension.type", "extensions_server_name", "extensions_alpn_str",
         "extensions.supported_version", "sig_hash_alg", "sig_hash_alg_len", "session_id", "extensions.psk.identity.selected"]
FIELDS = ["frame.number", "icmp.type", "icmpv6.type", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "ip.len", "ipv6.plen", "tcp.srcport", "udp.srcport",
          "tcp.dstport", "udp.dstport", "quic.version", "socks.remote_name", "http.host", "http.request.method",
          "http.request.uri", "stun.type", "stun.att.type", "stun.att.software", "stun.att.realm", "stun.att.ipv4", "stun.att.port",
          "dns.qry.name", "http2.headers.authority"]
FIELDS += [f"{layer}.handshake.{name}" for layer in ("tls", "dtls") for name in HELLO]


class Conversation:
    """What was read of one pair of endpoints, hellos in the order in which they came."""

    def __init__(self, transport, source, destination):
        self.transport, self.source, self.destination = transport, source, destination
        self.packets = self.octets = 0
        self.hellos, self.chosen = [], []
        self.quic, self.socks, self.hosts, self.connects, self.stun, self.questions, self.http2 = ([] for _ in range(7))


def read(capture):
    """Asks tshark; gives conversations by (transport, endpoints) in the order in which they began."""
    argv = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|",
            # On the port of DNS over QUIC tshark expects something else.
            "-d", "udp.port==853,quic", "-o", "tcp.desegment_tcp_streams:TRUE", "-o", "tls.desegment_ssl_records:TRUE"]
    for field in FIELDS:
        argv += ["-e", field]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    conversations = {}
    for line in lines:
        value = {field: text.split("|") if text else [] for field, text in zip(FIELDS, line.split("\t"))}
        take(value, conversations)
    return conversations


def first(value, *fields):
    return next((value[field][0] for field in fields if value[field]), "")


def take(value, conversations):
    transport = "icmp" if value["icmp.type"] else "ipv6-icmp" if value["icmpv6.type"] else "tcp" if value["tcp.srcport"] else "udp"
    # What an ICMP message quotes has ports of its own.
    ports = [()] * 2 if "icmp" in transport else [("tcp.srcport", "udp.srcport"), ("tcp.dstport", "udp.dstport")]
    source = (first(value, "ip.src", "ipv6.src"), first(value, *ports[0]))
    destination = (first(value, "ip.dst", "ipv6.dst"), first(value, *ports[1]))
    key = (transport, *sorted([source, destination]))
    found = conversations.setdefault(key, Conversation(transport, source, destination))
    found.packets += 1
    found.octets += int(value["ip.len"][0]) if value["ip.len"] else 40 + int(value["ipv6.plen"][0])
    for layer in ("tls", "dtls"):
        hello = {name: value[f"{layer}.handshake.{name}"] for name in HELLO}
        hello["datagram"], hello["quic"] = layer == "dtls", bool(value["quic.version"])
        # A frame's hello: its values are of the first one in it. A fragment of one has none.
        if "1" in hello["type"] and hello["ciphersuite"]:
            found.hellos.append(hello)
        elif "2" in hello["type"] and hello["version"]:
            found.chosen.append(hello)
    found.quic += [version for version in value["quic.version"] if version != "0x00000000"]
    found.socks += value["socks.remote_name"]
    found.hosts += value["http.host"]
    found.connects += [uri for method, uri in zip(value["http.request.method"], value["http.request.uri"]) if method == "CONNECT"]
    found.questions += value["dns.qry.name"]
    found.http2 += value["http2.headers.authority"]
    if value["stun.type"]:
        addresses = [f"{address}:{port}" for address, port in zip(value["stun.att.ipv4"], value["stun.att.port"])]
        found.stun.append({"type": value["stun.type"][0], "attributes": value["stun.att.type"], "addresses": addresses,
                           "software": value["stun.att.software"], "realm": value["stun.att.realm"]})


def is_grease(number):
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def signature_algorithms(hello):
    """Those of the extension `signature_algorithms`: tshark has those of its kin (for certificates, delegated credentials) in
    the same field, one list behind the other."""
    lists = [int(n) for n in hello["extension.type"] if int(n) in (13, 34, 50)]
    if 13 not in lists:
        return []
    lengths = [int(length) // 2 for length in hello["sig_hash_alg_len"]]
    before = sum(lengths[:lists.index(13)])
    values = hello["sig_hash_alg"][before:before + lengths[lists.index(13)]]
    return [n for n in (int(text, 0) for text in values) if not is_grease(n)]


def ja4(hello):
    """The fingerprint of a ClientHello by the description."""
    numbers = lambda name: [n for n in (int(text, 0) for text in hello[name]) if not is_grease(n)]
    ciphers, extensions = numbers("ciphersuite"), numbers("extension.type")
    order = lambda n: {0xFEFF: 0x0302, 0xFEFD: 0x0303, 0xFEFC: 0x0304}.get(n, n)
    version = max(numbers("extensions.supported_version"), key=order, default=int(hello["version"][0], 0))
    word = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3"}.get(version, "00")
    alpn = hello["extensions_alpn_str"][:1]
    mark = alpn[0][0] + alpn[0][-1] if alpn else "00"
    letter = "d" if hello["datagram"] else "q" if hello["quic"] else "t"
    visible = "d" if 0 in extensions else "i"
    first = f"{letter}{word}{visible}{min(len(ciphers), 99):02}{min(len(extensions), 99):02}{mark}"
    joined = lambda values: ",".join(f"{n:04x}" for n in values)
    cut = lambda text: hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12
    rest = joined(sorted(n for n in extensions if n not in (0, 16)))
    signatures = joined(signature_algorithms(hello))
    return f"{first}_{cut(joined(sorted(ciphers)))}_{cut(rest + ('_' + signatures if signatures else ''))}"


# ---- answers to the questions of a trial ----------------------------------------------------------------------------

def hello_of(found):
    return found.hellos[0] if found.hellos else None


def chosen_of(found):
    # A server that asks to try again says so in a ServerHello too: the last one counts.
    return found.chosen[-1] if found.chosen else None


def chosen_version(found):
    chosen = chosen_of(found)
    if not chosen:
        return None
    versions = chosen["extensions.supported_version"] or chosen["version"]
    return VERSIONS.get(versions[0], versions[0])


def chosen_alpn(found):
    # Of a frame with several messages the protocols stand in one list; before TLS 1.3 the ServerHello alone has one.
    chosen = chosen_of(found)
    return (chosen["extensions_alpn_str"] or [None])[0] if chosen else None


def stun_of(found, kinds, index=0):
    for message in found.stun:
        if message["type"] in kinds and len(message["addresses"]) > index:
            return message["addresses"][index]
    return None


def first_of(found, word):
    return next((each[word][0] for each in found.stun if each[word]), None)


ANSWERS = {
    "name": lambda f: ((hello_of(f) or {}).get("extensions_server_name") or [None])[0],
    "socks": lambda f: f.socks[0] if f.socks else None,
    "connect": lambda f: f.connects[0].rsplit(":", 1)[0] if f.connects else None,
    "http": lambda f: f.hosts[0].rsplit(":", 1)[0] if f.hosts else None,
    "http2": lambda f: f.http2[0] if f.http2 else None,
    "question": lambda f: f.questions[0] if f.questions else None,
    "alpn": lambda f: hello_of(f)["extensions_alpn_str"] if hello_of(f) else None,
    "ja4": lambda f: ja4(hello_of(f)) if hello_of(f) else None,
    "ech": lambda f: "65037" in hello_of(f)["extension.type"] if hello_of(f) else None,
    "selected_version": chosen_version,
    "selected_alpn": chosen_alpn,
    "psk": lambda f: bool(chosen_of(f)["extensions.psk.identity.selected"]) if chosen_of(f) else None,
    "quic_version": lambda f: f.quic[0] if f.quic else None,
    "software": lambda f: first_of(f, "software"),
    "realm": lambda f: first_of(f, "realm"),
    # Success responses: of Binding, of Allocate, whose first address is the relayed one or the mapped one.
    "mapped": lambda f: stun_of(f, ("0x0101",)),
}


def answer(found, question):
    """tshark's answer; None where it has none, or was not asked."""
    return ANSWERS[question](found) if found is not None and question in ANSWERS else None
