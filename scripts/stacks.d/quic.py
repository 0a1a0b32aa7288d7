"""QUIC by aioquic: versions, Retry, resumption, and connections that move."""

import time

import opinion
from judge import Told
from lab import APP_NAME, SERVER, SERVER6
from scenario import Scenarios

SCENARIOS = Scenarios()
PORT = 443


def serve(lab, *options):
    lab.serve(*lab.tool("quic_server.py", SERVER, PORT, *lab.certificate(), *options), udp=PORT)


def call(lab, *options):
    lab.client(*lab.tool("quic_client.py", SERVER, PORT, "--name", APP_NAME, *options))


def told(number=0, **facts):
    usual = {"name": APP_NAME, "app": "wechat", "protocol": "quic", "alpn": ["stacks"], "ja4": opinion, "ech": False}
    return Told("udp", PORT, number, **{**usual, **facts})


def moved(**facts):
    return Told("udp", PORT, 1, **{"name": None, "moved": APP_NAME, "app": "wechat", "protocol": "quic", "alpn": ["stacks"], **facts})


@SCENARIOS.add("version 1")
def quic_v1(lab, capture):
    serve(lab)
    capture()
    call(lab)
    return [told(quic_version="0x00000001")]


@SCENARIOS.add("version 2 from the first packet on (RFC 9369)")
def quic_v2(lab, capture):
    serve(lab, "--versions", "v2")
    capture()
    call(lab, "--versions", "v2")
    return [told(quic_version="0x6b3343cf")]


@SCENARIOS.add("both agree on version 2 in the handshake (RFC 9368 §2.3)")
def quic_upgrade(lab, capture):
    serve(lab, "--versions", "v2,v1")
    capture()
    call(lab, "--versions", "v1,v2", "--long")
    return [told(quic_version="0x00000001")]


@SCENARIOS.add("the server refuses version 1 and offers version 2 (RFC 9000 §6)")
def quic_negotiated(lab, capture):
    serve(lab, "--versions", "v2")
    capture()
    call(lab, "--versions", "v1,v2")
    return [told()]


@SCENARIOS.add("a first try with a reserved version (RFC 9000 §15)")
def quic_reserved(lab, capture):
    serve(lab)
    capture()
    call(lab, "--versions", "reserved,v1")
    # tshark gives such a conversation up; the fingerprint is that of the same client elsewhere.
    return [told(ja4="q13d0308ss_55b375c5d22e_a06176d7f541")]


@SCENARIOS.add("Retry (RFC 9000 §8.1.2)")
def quic_retry(lab, capture):
    serve(lab, "--retry")
    capture()
    call(lab)
    return [told(quic_version="0x00000001")]


@SCENARIOS.add("Retry in version 2, with a greeting over two packets")
def quic_retry_v2(lab, capture):
    serve(lab, "--retry", "--versions", "v2")
    capture()
    call(lab, "--versions", "v2", "--long")
    return [told()]


@SCENARIOS.add("a greeting over two packets")
def quic_long(lab, capture):
    serve(lab)
    capture()
    call(lab, "--long")
    return [told()]


@SCENARIOS.add("a session resumed with early data (RFC 9001 §4.6)")
def quic_early(lab, capture):
    serve(lab)
    capture()
    call(lab, "--session", "session")
    call(lab, "--session", "session")
    return [told(), told(1)]


@SCENARIOS.add("early data in version 2")
def quic_early_v2(lab, capture):
    serve(lab, "--versions", "v2")
    capture()
    call(lab, "--versions", "v2", "--session", "session")
    call(lab, "--versions", "v2", "--session", "session")
    return [told(), told(1)]


@SCENARIOS.add("the client goes on from another port, as behind a NAT")
def quic_moves(lab, capture):
    serve(lab)
    capture()
    call(lab, "--move")
    return [told(), moved()]


@SCENARIOS.add("the same in version 2, after a Retry")
def quic_moves_v2(lab, capture):
    serve(lab, "--versions", "v2", "--retry")
    capture()
    call(lab, "--versions", "v2", "--move")
    return [told(), moved()]


@SCENARIOS.add("the same after both agreed on version 2")
def quic_moves_upgraded(lab, capture):
    serve(lab, "--versions", "v2,v1")
    capture()
    call(lab, "--versions", "v1,v2", "--move")
    return [told(), moved()]


@SCENARIOS.add("the client changes id and port: nobody can know it again, and nobody may guess")
def quic_moves_unseen(lab, capture):
    serve(lab)
    capture()
    call(lab, "--change-id", "--move")
    return [told(), Told("udp", PORT, 1, name=None, moved=None, method="neighbour")]


@SCENARIOS.add("no name in the greeting")
def quic_nameless(lab, capture):
    serve(lab)
    capture()
    lab.client(*lab.tool("quic_client.py", SERVER, PORT))
    return [Told("udp", PORT, name=None, protocol="quic", ja4=opinion)]


@SCENARIOS.add("over IPv6")
def quic_ipv6(lab, capture):
    lab.serve(*lab.tool("quic_server.py", SERVER6, PORT, *lab.certificate()), udp=PORT)
    capture()
    lab.client(*lab.tool("quic_client.py", SERVER6, PORT, "--name", APP_NAME, "--move"))
    return [told(quic_version="0x00000001"), moved()]


@SCENARIOS.add("the capture begins after the greeting: there is no name, and none is made up")
def quic_late(lab, capture):
    serve(lab)
    late = lab.start("client", lab.tool("quic_client.py", SERVER, PORT, "--name", APP_NAME, "--linger", 3))
    time.sleep(1.5)
    capture()
    late.wait(timeout=30)
    return [Told("udp", PORT, name=None, any_name=None, app=None)]
