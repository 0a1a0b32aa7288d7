"""Calls: DTLS, STUN and TURN, and WebRTC between two peers."""

import subprocess
import time

import opinion
from judge import Told
from lab import APP_NAME, SECOND, SERVER, need
from scenario import Scenarios

SCENARIOS = Scenarios()
REALM = "calls.example"


def told(port, number=0, **facts):
    return Told("udp", port, number, **{"name": APP_NAME, "app": "wechat", "protocol": "dtls", "ja4": opinion, "peer": False, **facts})


def openssl_dtls(lab, capture, server=(), client=()):
    certificate, key = lab.certificate()
    lab.serve("openssl", "s_server", "-dtls", "-accept", f"{SERVER}:4433", "-cert", certificate, "-key", key, *server,
              udp=4433, stdin=subprocess.PIPE)
    capture()
    shell = f"(echo hello; sleep 1; echo Q) | openssl s_client -dtls -connect {SERVER}:4433 -servername {APP_NAME} " + " ".join(client)
    lab.client("sh", "-c", shell, may_fail=True)


@SCENARIOS.add("DTLS 1.2 by OpenSSL")
def dtls_openssl(lab, capture):
    openssl_dtls(lab, capture)
    return [told(4433)]


@SCENARIOS.add("DTLS with a cookie (RFC 6347 §4.2.1): the greeting comes twice")
def dtls_cookie(lab, capture):
    openssl_dtls(lab, capture, ["-listen"])
    return [told(4433)]


@SCENARIOS.add("DTLS whose greeting is cut in fragments")
def dtls_fragments(lab, capture):
    openssl_dtls(lab, capture, client=["-mtu", "256", "-alpn", "one,two,three,four,five,six,seven,eight,nine,ten"])
    return [told(4433)]


@SCENARIOS.add("DTLS by GnuTLS")
def dtls_gnutls(lab, capture):
    client, server = need("gnutls-cli", "gnutls-serv")
    certificate, key = lab.certificate()
    lab.serve(server, "--udp", "--echo", "--port", 4433, "--x509certfile", certificate, "--x509keyfile", key, udp=4433)
    capture()
    lab.client(client, "--udp", "--insecure", "--sni-hostname", APP_NAME, "--port", 4433, SERVER, stdin=b"hello\n", may_fail=True)
    return [told(4433)]


def coturn(lab, *options):
    certificate, key = lab.certificate()
    lab.serve(need("turnserver"), "-n", "-L", SERVER, "-E", SERVER, "-r", REALM, "-u", "somebody:something", "--lt-cred-mech",
              "--cert", certificate, "--pkey", key, "--no-cli", "--log-file", "stdout", "--pidfile", lab.path("turn.pid"),
              "--db", lab.path("turn.db"), "--allow-loopback-peers", *options, tcp=3478)


@SCENARIOS.add("STUN at coturn: a server, no peer")
def stun_server(lab, capture):
    coturn(lab)
    capture()
    lab.client(need("turnutils_stunclient"), "-p", 3478, SERVER)
    return [Told("udp", 3478, protocol="stun", peer=False, mapped=opinion, software=opinion, app=None)]


def uclient(lab, *options):
    lab.serve(need("turnutils_peer"), "-L", SECOND, "-p", 3480, udp=3480)
    return [need("turnutils_uclient"), "-u", "somebody", "-w", "something", "-n", 5, "-e", SECOND, "-r", 3480, *options, SERVER]


@SCENARIOS.add("TURN over UDP: the relay's addresses are told, the relay is no peer")
def turn_udp(lab, capture):
    coturn(lab)
    argv = uclient(lab, "-c")
    capture()
    lab.client(*argv)
    return [Told("udp", 3478, 1, protocol="stun", peer=False, realm=REALM, software=opinion, relayed=True, peers=True)]


@SCENARIOS.add("TURN over TCP")
def turn_tcp(lab, capture):
    coturn(lab)
    argv = uclient(lab, "-c", "-t")
    capture()
    lab.client(*argv)
    return [Told("tcp", 3478, 1, protocol="stun", peer=False, realm=REALM, software=opinion, relayed=True, peers=True)]


@SCENARIOS.add("TURN over TLS: only the greeting can be read")
def turn_tls(lab, capture):
    coturn(lab)
    argv = uclient(lab, "-c", "-t", "-S", "-p", 5349)
    capture()
    lab.client(*argv)
    return [Told("tcp", 5349, protocol="tls", peer=False, ja4=opinion)]


@SCENARIOS.add("TURN over DTLS")
def turn_dtls(lab, capture):
    coturn(lab)
    argv = uclient(lab, "-c", "-S", "-p", 5349)
    capture()
    lab.client(*argv)
    return [Told("udp", 5349, protocol="dtls", peer=False, ja4=opinion)]


# What the system of one peer says when the other has hung up: nobody's data.
ERRORS = Told("icmp", "", optional=True, app=None, verdict=["no_match"])


def call(lab, *options):
    """Two peers, who find each other over a connection of their own."""
    other = lab.start("server", lab.tool("rtc_peer.py", "offer", SECOND, 9000, *options))
    for _ in range(200):
        if lab.listens("server", 9000, None):
            break
        time.sleep(0.05)
    lab.client(*lab.tool("rtc_peer.py", "answer", SECOND, 9000, *options))
    other.wait(timeout=30)


class Peers(Told):
    """The conversation of two peers in which the greeting went, whatever ports they took."""

    def __init__(self, **facts):
        super().__init__("udp", "call", **facts)

    def find(self, conversations):
        for key, found in conversations.items():
            ends = (found.source, found.destination)
            if found.transport != "udp" or min(int(end[1] or 0) for end in ends) <= 10000:
                continue
            if found.hellos:
                return key, found
        return None, None


@SCENARIOS.add("WebRTC between two peers (aiortc): another user's device abroad is accused of nothing")
def webrtc(lab, capture):
    capture()
    call(lab)
    return [Peers(name=None, app=None, peer=True, verdict=["cannot_tell"]), ERRORS]


@SCENARIOS.add("WebRTC with a STUN server")
def webrtc_stun(lab, capture):
    coturn(lab)
    capture()
    call(lab, "--stun", f"{SERVER}:3478")
    return [Peers(name=None, app=None, peer=True), Told("udp", 3478, protocol="stun", peer=False, mapped=opinion), ERRORS]
