"""Another protocol wrapped in a proxy's: SOCKS, CONNECT, and the PROXY protocol."""

import time

import opinion
from judge import Told
from lab import APP_NAME, SECOND, SERVER, THIRD, need
from scenario import Scenarios
from tls import nginx

SCENARIOS = Scenarios()


def curl(lab, *options, url=f"https://{APP_NAME}/"):
    lab.client(need("curl"), "-sS", "--insecure", *options, url)


def hosts(lab):
    """Makes the servers' side know our name; curl is told by itself."""
    return ["--resolve", f"{APP_NAME}:443:{SERVER}", "--resolve", f"{APP_NAME}:80:{SERVER}"]


def socks(lab, *options):
    lab.serve(need("microsocks"), "-i", SECOND, "-p", 1080, *options, tcp=1080)


def dante(lab):
    config = f"""
        logoutput: {lab.path('danted.log')}
        internal: {SECOND} port = 1080
        external: {THIRD}
        socksmethod: none
        clientmethod: none
        user.privileged: root
        user.unprivileged: root
        client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
        socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
    """
    lab.serve(need("danted"), "-f", lab.path("danted.conf", config), tcp=1080)


def behind(port, **facts):
    usual = {"name": APP_NAME, "app": "wechat", "ja4": opinion, "alpn": ["h2", "http/1.1"], "selected_version": "1.3"}
    return Told("tcp", port, 0, SECOND, **{**usual, **facts})


@SCENARIOS.add("SOCKS 5 to an address, TLS inside")
def socks5_address(lab, capture):
    nginx(lab)
    socks(lab)
    capture()
    curl(lab, *hosts(lab), "--socks5", f"{SECOND}:1080")
    return [behind(1080, socks=None)]


@SCENARIOS.add("SOCKS 5 with user and password, TLS 1.2 inside")
def socks5_password(lab, capture):
    nginx(lab)
    socks(lab, "-u", "somebody", "-P", "something")
    capture()
    curl(lab, *hosts(lab), "--socks5", f"somebody:something@{SECOND}:1080", "--tls-max", "1.2")
    return [behind(1080, socks=None, selected_version="1.2", selected_alpn="h2", certificate=APP_NAME)]


@SCENARIOS.add("SOCKS 5 to a name, HTTP inside")
def socks5_name(lab, capture):
    nginx(lab, listen="80")
    dante(lab)
    capture()
    curl(lab, "--socks5-hostname", f"{SECOND}:1080", "--max-time", "5", "-H", f"Host: {APP_NAME}", url=f"http://{SERVER}/")
    return [Told("tcp", 1080, 0, SECOND, http=APP_NAME, app="wechat")]


@SCENARIOS.add("SOCKS 4 to an address, TLS inside")
def socks4(lab, capture):
    nginx(lab)
    dante(lab)
    capture()
    curl(lab, *hosts(lab), "--socks4", f"{SECOND}:1080")
    return [behind(1080, socks=None)]


@SCENARIOS.add("SOCKS 4a: the proxy looks the name up, and cannot: only the request says it")
def socks4a(lab, capture):
    dante(lab)
    capture()
    lab.client(need("curl"), "-sS", "--socks4a", f"{SECOND}:1080", "--max-time", "5", f"https://{APP_NAME}/", may_fail=True)
    return [Told("tcp", 1080, 0, SECOND, socks=APP_NAME, app="wechat", name=None)]


@SCENARIOS.add("SOCKS 5 to a name that the proxy cannot look up: only the request says it")
def socks5_refused(lab, capture):
    socks(lab)
    capture()
    lab.client(need("curl"), "-sS", "--socks5-hostname", f"{SECOND}:1080", "--max-time", "5", f"https://{APP_NAME}/", may_fail=True)
    return [Told("tcp", 1080, 0, SECOND, socks=APP_NAME, app="wechat", name=None)]


def tinyproxy(lab):
    config = f"""
        Port 8080
        Listen {SECOND}
        Bind {THIRD}
        Timeout 20
        LogFile "{lab.path('tinyproxy.log')}"
        PidFile "{lab.path('tinyproxy.pid')}"
        MaxClients 10
        AddHeader "X-Stacks" "yes"
    """
    lab.serve(need("tinyproxy"), "-d", "-c", lab.path("tinyproxy.conf", config), tcp=8080)


@SCENARIOS.add("CONNECT to an address, TLS inside")
def connect_address(lab, capture):
    nginx(lab)
    tinyproxy(lab)
    capture()
    curl(lab, "--proxy", f"http://{SECOND}:8080", "--connect-to", f"{APP_NAME}:443:{SERVER}:443")
    return [behind(8080, connect=SERVER)]


@SCENARIOS.add("CONNECT to an address, TLS 1.2 inside")
def connect_tls12(lab, capture):
    nginx(lab)
    tinyproxy(lab)
    capture()
    curl(lab, "--proxy", f"http://{SECOND}:8080", "--connect-to", f"{APP_NAME}:443:{SERVER}:443", "--tls-max", "1.2")
    return [behind(8080, selected_version="1.2", selected_alpn="h2", certificate=APP_NAME)]


@SCENARIOS.add("CONNECT inside SOCKS 5, TLS 1.2 inside that")
def connect_in_socks(lab, capture):
    nginx(lab)
    tinyproxy(lab)
    socks(lab)
    capture()
    curl(lab, "--preproxy", f"socks5://{SECOND}:1080", "--proxy", f"http://{SECOND}:8080", "--tls-max", "1.2",
         "--connect-to", f"{APP_NAME}:443:{SERVER}:443")
    return [behind(1080, connect=SERVER, selected_version="1.2", selected_alpn="h2", certificate=APP_NAME)]


@SCENARIOS.add("CONNECT to a name that the proxy cannot look up: only the request says it")
def connect_refused(lab, capture):
    tinyproxy(lab)
    capture()
    lab.client(need("curl"), "-sS", "--proxy", f"http://{SECOND}:8080", "--max-time", "20", f"https://{APP_NAME}/", may_fail=True)
    return [Told("tcp", 8080, 0, SECOND, connect=APP_NAME, app="wechat", name=None)]


@SCENARIOS.add("a request with an absolute target to a proxy")
def absolute_target(lab, capture):
    nginx(lab, listen="80")
    tinyproxy(lab)
    capture()
    lab.client(need("curl"), "-sS", "--proxy", f"http://{SECOND}:8080", "--max-time", "20", f"http://{APP_NAME}/", may_fail=True)
    return [Told("tcp", 8080, 0, SECOND, http=APP_NAME, app="wechat", protocol="http")]


def haproxy(lab, send, server=True):
    """A proxy at the client's end that puts a PROXY header in front of what it passes on."""
    config = f"""
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend in
    bind 127.0.0.1:8443
    default_backend out
backend out
    server one {SERVER}:443 {send}
"""
    if server:
        nginx(lab, listen="443 ssl proxy_protocol")
    lab.serve(need("haproxy"), "-db", "-f", lab.path("haproxy.cfg", config), tcp=8443, side="client")


def through_haproxy(lab, *options):
    curl(lab, "--resolve", f"{APP_NAME}:8443:127.0.0.1", *options, url=f"https://{APP_NAME}:8443/")


def proxied(**facts):
    usual = {"name": APP_NAME, "app": "wechat", "ja4": opinion, "alpn": ["h2", "http/1.1"], "selected_version": "1.3",
             "protocol": "tls"}
    return Told("tcp", 443, **{**usual, **facts})


@SCENARIOS.add("a PROXY header of version 1 by haproxy")
def proxy_v1(lab, capture):
    haproxy(lab, "send-proxy")
    capture()
    through_haproxy(lab)
    return [proxied()]


@SCENARIOS.add("a PROXY header of version 2, TLS 1.2 inside")
def proxy_v2(lab, capture):
    haproxy(lab, "send-proxy-v2")
    capture()
    through_haproxy(lab, "--tls-max", "1.2")
    return [proxied(selected_version="1.2", selected_alpn="http/1.1", certificate=APP_NAME)]


@SCENARIOS.add("a PROXY header of version 2 with values behind it (§2.2.8: checksum, unique id, namespace)")
def proxy_v2_values(lab, capture):
    haproxy(lab, "send-proxy-v2 proxy-v2-options crc32c,unique-id")
    capture()
    through_haproxy(lab)
    return [proxied()]


@SCENARIOS.add("haproxy's health checks: a PROXY header (LOCAL) and nothing behind it")
def proxy_check(lab, capture):
    nginx(lab, listen="443 ssl proxy_protocol")
    capture()
    haproxy(lab, "send-proxy-v2 check inter 200ms", server=False)
    time.sleep(1)
    return [Told("tcp", 443, name=None, app=None), Told("tcp", 443, 1, name=None, app=None)]
