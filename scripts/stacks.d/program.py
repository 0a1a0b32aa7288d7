"""What the program says of a capture: flows by pair of endpoints, the ledger, and the same flows asked of the store."""

import json
import os
import subprocess


class Answers:
    """Flow lines of one capture put together, its summary, and what the store has."""

    def __init__(self, summary, records, flows, stored):
        self.summary, self.records, self.flows, self.stored = summary, records, flows, stored


def run(argv, folder, name):
    with open(os.path.join(folder, name), "wb") as out:
        ended = subprocess.run(argv, stdout=out, stderr=subprocess.PIPE, check=False, timeout=300)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {ended.returncode}: {ended.stderr.decode()[:400]}")
    with open(os.path.join(folder, name), encoding="utf-8") as text:
        return text.read()


def key(line):
    ends = [(line[end]["ip"], str(line[end].get("port", ""))) for end in ("source", "destination")]
    return (line["network"].get("transport", "other"), *sorted(ends))


def read(binary, capture, folder):
    """Runs `whither read`, then feeds a store from the capture and asks that."""
    lines = os.path.join(folder, "flows.jsonl")
    summary = json.loads(run([binary, "read", "--format", "json", "--flag", "CN", "--flows", lines, capture], folder, "summary.json"))
    with open(lines, encoding="utf-8") as text:
        records = [json.loads(line) for line in text]
    # Facts are only ever added: a flow's last record has them all.
    flows = {key(line): line for line in records}
    state = os.path.join(folder, "state")
    run([binary, "run", "--from", capture, "--pace", "0", "--state-dir", state], folder, "run.out")
    listed = run([binary, "flows", "--state-dir", state, "--format", "jsonl", "--limit", "100000"], folder, "stored.jsonl")
    stored = {}
    for line in map(json.loads, listed.splitlines()):
        # The newest record of a flow comes first.
        stored.setdefault(key(line), line)
    for line in flows.values():
        # That it explains what it stored is all that is asked here; it fails if it cannot.
        if line["whither"].get("app", {}).get("id"):
            run([binary, "explain", "--state-dir", state, line["whither"]["flow_id"]], folder, "explained.txt")
    return Answers(summary, records, flows, stored)


def named(line, *origins):
    return next((name["name"] for name in line["whither"].get("names", []) if name["origin"] in origins), None)


def hello(line):
    return line["whither"].get("hello", {})


ANSWERS = {
    "name": lambda l: named(l, "tls_sni", "quic_sni", "dtls_sni"),
    "moved": lambda l: named(l, "quic_migration"),
    "socks": lambda l: named(l, "socks"),
    "connect": lambda l: named(l, "http_connect"),
    "http": lambda l: named(l, "http_host", "http_target"),
    "http2": lambda l: named(l, "http2_authority"),
    "question": lambda l: named(l, "dns_question"),
    "any_name": lambda l: (l["whither"].get("names") or [{}])[0].get("name"),
    "app": lambda l: l["whither"].get("app", {}).get("id"),
    "method": lambda l: l["whither"].get("app", {}).get("method"),
    "protocol": lambda l: l["network"].get("protocol"),
    "alpn": lambda l: hello(l).get("alpn"),
    "ja4": lambda l: l.get("tls", {}).get("client", {}).get("ja4"),
    "ech": lambda l: hello(l).get("ech"),
    "ech_cover": lambda l: hello(l).get("ech_cover", False),
    "selected_version": lambda l: hello(l).get("selected_version"),
    "selected_alpn": lambda l: hello(l).get("selected_alpn"),
    "resumed": lambda l: hello(l).get("resumed", False),
    "psk": lambda l: hello(l).get("resumed", False),
    "certificate": lambda l: l["whither"].get("certificate", {}).get("common_name"),
    "quic_version": lambda l: hello(l).get("quic_version"),
    "encrypted_dns": lambda l: l["whither"].get("encrypted_dns", {}).get("transport"),
    "peer": lambda l: l["whither"].get("peer", False),
    "software": lambda l: l["whither"].get("stun", {}).get("software"),
    "realm": lambda l: l["whither"].get("stun", {}).get("realm"),
    "mapped": lambda l: l["whither"].get("stun", {}).get("mapped"),
    "relayed": lambda l: bool(l["whither"].get("stun", {}).get("relayed")),
    "peers": lambda l: bool(l["whither"].get("stun", {}).get("peers")),
    "verdict": lambda l: [v["outcome"] for v in l["whither"].get("verdicts", [])],
}


def answer(line, question):
    """The program's answer to a question of a trial."""
    return ANSWERS[question](line) if line is not None else "no such flow"
