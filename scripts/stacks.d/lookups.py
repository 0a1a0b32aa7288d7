"""Lookups: in clear over both transports, and hidden in TLS, HTTPS and QUIC."""

import opinion
from judge import Told
from lab import APP_NAME, SERVER, need
from scenario import Scenarios

SCENARIOS = Scenarios()
RESOLVER = "resolver.example"


def unbound(lab):
    certificate, key = lab.certificate()
    config = f"""
server:
    interface: {SERVER}@53
    interface: {SERVER}@853
    interface: {SERVER}@443
    access-control: 0.0.0.0/0 allow
    tls-service-key: "{key}"
    tls-service-pem: "{certificate}"
    tls-port: 853
    https-port: 443
    username: ""
    chroot: ""
    pidfile: "{lab.path('unbound.pid')}"
    use-syslog: no
    do-daemonize: no
    module-config: "iterator"
    local-data: "{APP_NAME}. 60 IN A {SERVER}"
"""
    lab.serve(need("unbound"), "-d", "-c", lab.path("unbound.conf", config), tcp=853)


def kdig(lab, *options):
    lab.client(need("kdig"), f"@{SERVER}", *options, APP_NAME, "A")


@SCENARIOS.add("kdig and unbound in clear, over UDP and TCP")
def dns_clear(lab, capture):
    unbound(lab)
    capture()
    kdig(lab)
    kdig(lab, "+tcp")
    return [Told(transport, 53, question=APP_NAME, app=None, protocol="dns") for transport in ("udp", "tcp")]


@SCENARIOS.add("DNS over TLS, kdig (GnuTLS) and unbound", hidden=1)
def dns_over_tls(lab, capture):
    unbound(lab)
    capture()
    kdig(lab, "+tls", f"+tls-sni={RESOLVER}")
    return [Told("tcp", 853, name=RESOLVER, encrypted_dns="dot", app=None, ja4=opinion, question=None)]


@SCENARIOS.add("DNS over TLS without a name", hidden=1)
def dns_over_tls_nameless(lab, capture):
    unbound(lab)
    capture()
    kdig(lab, "+tls")
    return [Told("tcp", 853, name=None, encrypted_dns="dot", app=None, ja4=opinion)]


@SCENARIOS.add("DNS over HTTPS at a name that no table has: it is what it looks like, TLS")
def dns_over_https_unknown(lab, capture):
    unbound(lab)
    capture()
    kdig(lab, "+https", f"+tls-sni={RESOLVER}")
    return [Told("tcp", 443, name=RESOLVER, encrypted_dns=None, app=None, ja4=opinion, alpn=["h2"])]


@SCENARIOS.add("DNS over HTTPS at a known resolver's name", hidden=1)
def dns_over_https(lab, capture):
    unbound(lab)
    capture()
    kdig(lab, "+https", "+tls-sni=dns.google")
    return [Told("tcp", 443, name="dns.google", encrypted_dns="doh", ja4=opinion, alpn=["h2"])]


@SCENARIOS.add("DNS over QUIC, dnspython and aioquic (RFC 9250)", hidden=1)
def dns_over_quic(lab, capture):
    lab.serve(*lab.tool("quic_server.py", SERVER, 853, *lab.certificate(), "--alpn", "doq"), udp=853)
    capture()
    ask = f"import dns.message, dns.query; print(dns.query.quic(dns.message.make_query('{APP_NAME}', 'A'), '{SERVER}', " \
          f"timeout=10, verify=False, server_hostname='{RESOLVER}'))"
    lab.client(lab.python, "-c", ask)
    return [Told("udp", 853, name=RESOLVER, encrypted_dns="doq", app=None, ja4=opinion, alpn=["doq", "doq-i03"])]


@SCENARIOS.add("what a lookup in clear says is told of the flow that follows")
def dns_then_flow(lab, capture):
    unbound(lab)
    lab.serve("openssl", "s_server", "-accept", f"{SERVER}:8443", "-cert", lab.certificate()[0], "-key", lab.certificate()[1],
              "-quiet", "-rev", tcp=8443)
    capture()
    kdig(lab)
    shell = f"(echo hello; sleep 1; echo Q) | openssl s_client -connect {SERVER}:8443 -noservername"
    lab.client("sh", "-c", shell, may_fail=True)
    return [Told("tcp", 8443, name=None, app="wechat", method="dns_answer", ja4=opinion)]
