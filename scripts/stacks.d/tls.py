"""TLS by OpenSSL, GnuTLS, NSS and Go: versions, sessions taken up again, application protocols, Encrypted Client Hello."""

import base64
import re
import subprocess
import time

import opinion
from judge import Told
from lab import APP_NAME, OTHER_APP_NAME, PLAIN_NAME, SERVER, need
from scenario import Scenarios

SCENARIOS = Scenarios()
PORT = 443


def told(number=0, **facts):
    usual = {"name": APP_NAME, "app": "wechat", "protocol": "tls", "ja4": opinion, "ech": False,
             "selected_version": "1.3", "selected_alpn": None, "resumed": False}
    return Told("tcp", PORT, number, **{**usual, **facts})


def s_server(lab, *options):
    certificate, key = lab.certificate()
    lab.serve("openssl", "s_server", "-accept", f"{SERVER}:{PORT}", "-cert", certificate, "-key", key, "-quiet", "-rev",
              *options, tcp=PORT)


def s_client(lab, *options, name=APP_NAME, **how):
    # It ends when the server has answered a line: "-rev" sends it back reversed.
    shell = f"(echo hello; sleep 1; echo Q) | openssl s_client -connect {SERVER}:{PORT} -servername {name} " + " ".join(options)
    return lab.client("sh", "-c", shell, may_fail=True, **how)


def nginx(lab, listen="443 ssl http2", extra="", stream=""):
    certificate, key = lab.certificate()
    program = need("nginx")
    modules = "include /etc/nginx/modules-enabled/*.conf;" if stream else ""
    config = f"""
        {modules}
        daemon off; master_process off; pid {lab.path('nginx.pid')}; error_log {lab.path('nginx.log')};
        events {{}}
        {stream}
        http {{
            access_log off; ssl_protocols TLSv1.2 TLSv1.3; client_body_temp_path {lab.folder}; proxy_temp_path {lab.folder}; fastcgi_temp_path {lab.folder};
            uwsgi_temp_path {lab.folder}; scgi_temp_path {lab.folder};
            server {{ listen {listen}; ssl_certificate {certificate}; ssl_certificate_key {key}; {extra}
                      location / {{ return 200 "here\\n"; }} }}
        }}"""
    lab.serve(program, "-c", lab.path("nginx.conf", config), "-e", lab.path("nginx.log"), "-p", lab.folder,
              tcp=int(re.match(r"\d+", listen)[0]))


def curl(lab, *options, name=APP_NAME, port=PORT, **how):
    return lab.client(need("curl"), "-sS", "--insecure", "--resolve", f"{name}:{port}:{SERVER}", *options,
                      f"https://{name}:{port}/", **how)


@SCENARIOS.add("curl (OpenSSL) and nginx, TLS 1.3, HTTP/2")
def tls13_curl(lab, capture):
    nginx(lab)
    capture()
    curl(lab)
    return [told(alpn=["h2", "http/1.1"])]


@SCENARIOS.add("curl and nginx, TLS 1.2: the server's choice and its certificate go in clear")
def tls12_curl(lab, capture):
    nginx(lab)
    capture()
    curl(lab, "--tls-max", "1.2")
    return [told(alpn=["h2", "http/1.1"], selected_version="1.2", selected_alpn="h2", certificate=APP_NAME)]


@SCENARIOS.add("a server that chooses the second protocol of two")
def tls12_second_protocol(lab, capture):
    nginx(lab, listen="443 ssl")
    capture()
    curl(lab, "--tls-max", "1.2")
    return [told(alpn=["h2", "http/1.1"], selected_version="1.2", selected_alpn="http/1.1", certificate=APP_NAME)]


@SCENARIOS.add("a session taken up by its ticket, TLS 1.2 (RFC 5077)")
def tls12_ticket(lab, capture):
    s_server(lab, "-tls1_2")
    capture()
    s_client(lab, "-sess_out", "session")
    s_client(lab, "-sess_in", "session")
    return [told(selected_version="1.2", certificate=APP_NAME), told(1, selected_version="1.2", resumed=True, certificate=None)]


@SCENARIOS.add("a session taken up by its id, TLS 1.2")
def tls12_session_id(lab, capture):
    s_server(lab, "-tls1_2", "-no_ticket")
    capture()
    s_client(lab, "-sess_out", "session")
    s_client(lab, "-sess_in", "session")
    return [told(selected_version="1.2", certificate=APP_NAME), told(1, selected_version="1.2", resumed=True, certificate=None)]


@SCENARIOS.add("a ticket that the server does not know: a new session")
def tls12_stale_ticket(lab, capture):
    s_server(lab, "-tls1_2")
    s_client(lab, "-sess_out", "session", side="server")
    lab.running.pop().kill()
    time.sleep(0.3)
    s_server(lab, "-tls1_2")
    capture()
    s_client(lab, "-sess_in", "session")
    return [told(selected_version="1.2", resumed=False, certificate=APP_NAME)]


@SCENARIOS.add("a session taken up by its key, TLS 1.3 (RFC 8446 §2.2)")
def tls13_psk(lab, capture):
    s_server(lab)
    capture()
    s_client(lab, "-sess_out", "session")
    s_client(lab, "-sess_in", "session")
    return [told(psk=False), told(1, psk=True, resumed=True)]


@SCENARIOS.add("early data, TLS 1.3")
def tls13_early(lab, capture):
    certificate, key = lab.certificate()
    lab.serve("openssl", "s_server", "-accept", f"{SERVER}:{PORT}", "-cert", certificate, "-key", key, "-early_data",
              tcp=PORT, stdin=subprocess.PIPE)
    capture()
    s_client(lab, "-sess_out", "session")
    lab.path("early", "early data\n")
    s_client(lab, "-sess_in", "session", "-early_data", "early")
    return [told(psk=False), told(1, psk=True, resumed=True)]


@SCENARIOS.add("the server asks for another greeting (HelloRetryRequest)")
def tls13_retry(lab, capture):
    s_server(lab, "-groups", "P-384")
    capture()
    s_client(lab, "-groups", "X25519:P-384")
    return [told(psk=False)]


@SCENARIOS.add("the same, and a session is taken up in the second round")
def tls13_retry_psk(lab, capture):
    s_server(lab, "-groups", "P-384")
    capture()
    s_client(lab, "-groups", "X25519:P-384", "-sess_out", "session")
    s_client(lab, "-groups", "X25519:P-384", "-sess_in", "session")
    return [told(psk=False), told(1, psk=True, resumed=True)]


@SCENARIOS.add("GnuTLS on both sides, TLS 1.3 and 1.2")
def gnutls(lab, capture):
    client, server = need("gnutls-cli", "gnutls-serv")
    certificate, key = lab.certificate()
    lab.serve(server, "--http", "--port", PORT, "--x509certfile", certificate, "--x509keyfile", key, "--alpn", "http/1.1", tcp=PORT)
    capture()
    for priority in ("NORMAL", "NORMAL:-VERS-ALL:+VERS-TLS1.2"):
        lab.client(client, "--insecure", "--sni-hostname", APP_NAME, "--alpn", "http/1.1", "--port", PORT, "--priority", priority,
                   SERVER, stdin=b"GET / HTTP/1.0\r\n\r\n", may_fail=True)
    return [told(alpn=["http/1.1"]), told(1, alpn=["http/1.1"], selected_version="1.2", selected_alpn="http/1.1", certificate=APP_NAME)]


@SCENARIOS.add("the capture begins after the greeting: there is no name, and none is made up")
def tls13_late(lab, capture):
    s_server(lab)
    shell = f"(echo hello; sleep 3; echo again; sleep 1; echo Q) | openssl s_client -connect {SERVER}:{PORT} -servername {APP_NAME}"
    late = lab.start("client", ["sh", "-c", shell])
    time.sleep(1.5)
    capture()
    late.wait(timeout=30)
    return [Told("tcp", PORT, name=None, any_name=None, app=None)]


@SCENARIOS.add("HTTP/2 in clear (RFC 9113 §3.3)")
def http2_clear(lab, capture):
    nginx(lab, listen="80 http2")
    capture()
    lab.client(need("curl"), "-sS", "--http2-prior-knowledge", "--resolve", f"{APP_NAME}:80:{SERVER}", f"http://{APP_NAME}/")
    return [Told("tcp", 80, http2=APP_NAME, app="wechat", protocol="http")]


# ---- Encrypted Client Hello (RFC 9849), by Go's standard library ----------------------------------------------------

def ech_server(lab, public):
    """A server with ECH under this public name; gives its configuration."""
    program = lab.go("ech")
    with open(lab.path("ech.out"), "wb") as said:
        lab.serve(program, "server", f"{SERVER}:{PORT}", public, *lab.certificate(), tcp=PORT, stdout=said)
    with open(lab.path("ech.out"), encoding="ascii") as said:
        return said.readline().strip()


def ech_client(lab, configuration):
    lab.client(lab.go("ech"), "client", f"{SERVER}:{PORT}", APP_NAME, configuration)


def publish(lab, configuration, name=APP_NAME, https=None):
    """A resolver that has the configuration in an HTTPS record; at `https` it answers over HTTPS."""
    certificate, key = lab.certificate()
    raw = base64.b64decode(configuration)
    # alias mode no (priority 1), target "." and SvcParamKey 5, ech (RFC 9460 §2.2, RFC 9848).
    record = b"\0\x01\0" + b"\0\x05" + len(raw).to_bytes(2, "big") + raw
    config = f"""
server:
    interface: {SERVER}
    interface: {https or SERVER}@{443 if https else 5353}
    https-port: {443 if https else 5353}
    tls-service-key: "{key}"
    tls-service-pem: "{certificate}"
    access-control: 0.0.0.0/0 allow
    username: ""
    chroot: ""
    pidfile: "{lab.path('unbound.pid')}"
    use-syslog: no
    do-daemonize: no
    module-config: "iterator"
    local-data: "{name}. 60 IN A {SERVER}"
    local-data: '{name}. 60 IN TYPE65 \\# {len(record)} {record.hex()}'
"""
    lab.serve(need("unbound"), "-d", "-c", lab.path("unbound.conf", config), udp=53)


def look_up(lab, name=APP_NAME):
    lab.client(need("kdig"), f"@{SERVER}", name, "A")
    lab.client(need("kdig"), f"@{SERVER}", name, "TYPE65")


@SCENARIOS.add("ECH in earnest, its configuration seen in DNS: the visible name is known as a cover")
def ech_known(lab, capture):
    configuration = ech_server(lab, PLAIN_NAME)
    publish(lab, configuration)
    capture()
    look_up(lab)
    ech_client(lab, configuration)
    return [told(name=PLAIN_NAME, app="wechat", method="ech_candidate", ech=True, ech_cover=True)]


@SCENARIOS.add("ECH in earnest, its configuration not seen: the visible name names no application")
def ech_unknown(lab, capture):
    configuration = ech_server(lab, PLAIN_NAME)
    capture()
    ech_client(lab, configuration)
    return [told(name=PLAIN_NAME, app=None, ech=True, ech_cover=False)]


@SCENARIOS.add("ECH whose cover is another application's name, its configuration seen in DNS")
def ech_known_app(lab, capture):
    configuration = ech_server(lab, OTHER_APP_NAME)
    publish(lab, configuration)
    capture()
    look_up(lab)
    ech_client(lab, configuration)
    return [told(name=OTHER_APP_NAME, app="wechat", method="ech_candidate", ech=True, ech_cover=True)]


@SCENARIOS.add("the same, its configuration not seen: nothing on the wire tells it from GREASE, so the name is taken at its word")
def ech_unknown_app(lab, capture):
    configuration = ech_server(lab, OTHER_APP_NAME)
    capture()
    ech_client(lab, configuration)
    return [told(name=OTHER_APP_NAME, app="tiktok", ech=True, ech_cover=False)]


@SCENARIOS.add("GREASE for ECH (RFC 9849 §6.2): the visible name is the true one")
def ech_grease(lab, capture):
    client = need("tstclnt")
    s_server(lab, "-tls1_3")
    capture()
    lab.client(need("certutil"), "-N", "-d", lab.folder, "--empty-password")
    lab.client(client, "-d", lab.folder, "-h", SERVER, "-p", PORT, "-a", APP_NAME, "-o", "-V", "tls1.3:tls1.3", "-i", "100",
               "-Q", may_fail=True)
    return [told(app="wechat", ech=True, ech_cover=False)]
