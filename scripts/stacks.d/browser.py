"""Chromium without a window: greetings over two segments, GREASE for ECH, HTTP/3, Encrypted Client Hello, WebRTC."""

import json
import os
import subprocess
import time

import opinion
from calls import Peers
from judge import Told
from lab import APP_NAME, PLAIN_NAME, SECOND, SERVER, Failed, need
from scenario import Scenarios
from tls import ech_server, nginx, publish

SCENARIOS = Scenarios()
PORT = 443


def command(lab, url, *options):
    program = need("chromium")
    pin = subprocess.run(f"openssl x509 -in {lab.certificate()[0]} -pubkey -noout | openssl pkey -pubin -outform der"
                         " | openssl dgst -sha256 -binary | base64", shell=True, capture_output=True, text=True, check=True).stdout.strip()
    return [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-domain-reliability",
            "--disable-client-side-phishing-detection", "--no-default-browser-check", "--disable-extensions",
            f"--user-data-dir={lab.path('profile')}", f"--ignore-certificate-errors-spki-list={pin}",
            *options, url]


def chromium(lab, url, *options):
    """Opens a page, and ends when it is there."""
    lab.client(*command(lab, url, "--virtual-time-budget=8000", "--timeout=8000", "--dump-dom", *options), timeout=90, may_fail=True)


def resolved(*pairs):
    return "--host-resolver-rules=" + ", ".join(f"MAP {name} {address}" for name, address in pairs)


@SCENARIOS.add("HTTP/2 at nginx: a greeting over two segments (X25519MLKEM768), GREASE for ECH")
def chromium_h2(lab, capture):
    nginx(lab)
    capture()
    chromium(lab, f"https://{APP_NAME}/", resolved((APP_NAME, SERVER)))
    return [Told("tcp", PORT, 0, SERVER, name=APP_NAME, app="wechat", protocol="tls", ja4=opinion, ech=True, ech_cover=False,
                 alpn=["h2", "http/1.1"], selected_version="1.3")]


@SCENARIOS.add("HTTP/3 at aioquic: a greeting over several Initials, frames mixed")
def chromium_h3(lab, capture):
    lab.serve(*lab.tool("quic_server.py", SERVER, PORT, *lab.certificate(), "--alpn", "h3"), udp=PORT)
    capture()
    chromium(lab, f"https://{APP_NAME}/", resolved((APP_NAME, SERVER)), f"--origin-to-force-quic-on={APP_NAME}:443")
    return [Told("udp", PORT, 0, SERVER, name=APP_NAME, app="wechat", protocol="quic", ja4=opinion, ech=True, ech_cover=False,
                 alpn=["h3"], quic_version="0x00000001")]


def channel(lab, capture, fragment=""):
    """Opens a data channel from a page to a peer beside it, and waits until the peer has heard a word."""
    with open(lab.path("heard"), "wb+") as heard:
        lab.serve(*lab.tool("rtc_peer.py", "page", SECOND, 8000), tcp=8000, stdout=heard)
        capture()
        lab.start("client", command(lab, f"http://{SECOND}:8000/{fragment}", "--disable-features=WebRtcHideLocalIpsWithMdns"))
        for _ in range(300):
            if os.path.getsize(lab.path("heard")):
                break
            time.sleep(0.1)
        else:
            raise Failed("the browser opened no channel")
    time.sleep(1)


@SCENARIOS.add("a data channel to a peer (aiortc), which greets")
def chromium_webrtc(lab, capture):
    channel(lab, capture)
    return [Peers(name=None, app=None, peer=True, ja4=opinion, verdict=["cannot_tell"])]


@SCENARIOS.add("a data channel to a peer: DTLS as the browser greets")
def chromium_webrtc_greets(lab, capture):
    channel(lab, capture, "#client")
    return [Peers(name=None, app=None, peer=True, ja4=opinion, verdict=["cannot_tell"])]


@SCENARIOS.add("Encrypted Client Hello in earnest, its configuration looked up over HTTPS: hidden, so the cover is not known as one")
def chromium_ech(lab, capture):
    configuration = ech_server(lab, PLAIN_NAME)
    publish(lab, configuration, https=SECOND)
    os.makedirs(lab.path("profile"))
    lab.path("profile/Local State", json.dumps({"dns_over_https": {"mode": "secure", "templates": f"https://{SECOND}/dns-query"}}))
    capture()
    chromium(lab, f"https://{APP_NAME}/")
    with open(lab.path("log"), encoding="utf-8", errors="replace") as log:
        if f"name {APP_NAME}, ech true" not in log.read():
            raise Failed("the browser did not use ECH")
    return [Told("tcp", PORT, 0, SERVER, name=PLAIN_NAME, app=None, protocol="tls", ja4=opinion, ech=True, ech_cover=False)]
