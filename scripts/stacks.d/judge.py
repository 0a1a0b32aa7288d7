"""Holds three things against each other: what software was told, what tshark read, what the program says."""

import opinion
import program

AGREE, DIFFER = "agree", "DIFFERS"
NOTHING = object()


class Told:
    """What was told of the `number`th conversation with a server's port (in the order in which they began).

    `optional`: it need not be there in every run. Questions are those of `program.ANSWERS`; the value `opinion` leaves the answer to tshark alone.
    """

    def __init__(self, transport, port, number=0, address=None, optional=False, **facts):
        self.optional = optional
        self.transport, self.port, self.number, self.address, self.facts = transport, port, number, address, facts

    def find(self, conversations):
        met = [(key, found) for key, found in conversations.items() if found.transport == self.transport
               and str(self.port) in (found.destination[1], found.source[1])
               and self.address in (None, found.destination[0], found.source[0])]
        return met[self.number] if len(met) > self.number else (None, None)

    def __str__(self):
        return f"{self.transport}/{self.port}" + (f" #{self.number + 1}" if self.number else "")


class Row:
    """One line of the table."""

    def __init__(self, what, told, theirs, ours, verdict):
        self.what, self.told, self.theirs, self.ours, self.verdict = what, told, theirs, ours, verdict


def show(value):
    if value is NOTHING:
        return "–"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "none"}[value]
    return str(value)


def same(one, other):
    return (one or None) == (other or None)


def facts(told, conversations, answers):
    """A row for each thing told of one conversation."""
    key, found = told.find(conversations)
    if key is None:
        return [] if told.optional else [Row(f"{told}", "there", "no such conversation", "–", DIFFER)]
    line = answers.flows.get(key)
    rows = []
    for question, value in told.facts.items():
        asked = value is not opinion
        theirs = opinion.answer(found, question) if question in opinion.ANSWERS else NOTHING
        ours = program.answer(line, question)
        right = same(ours, value) if asked else same(ours, theirs)
        note = AGREE if right else DIFFER
        if right and asked and theirs is not NOTHING and not same(theirs, value):
            note = "agree (tshark differs)"
        rows.append(Row(f"{told} {question}", value if asked else NOTHING, theirs, ours, note))
    return rows


def ledger(scenario, conversations, answers):
    """Rows of the ledger: it must be true by tshark's count and by its own lines, and say nothing that was not told."""
    book = answers.summary["ledger"]
    packets, flows = book["packets"], answers.flows.values()
    octets = lambda lines: sum(line["network"]["bytes"] for line in lines)
    theirs = sum(found.packets for found in conversations.values())
    whole = {key for key, found in conversations.items()}
    unnamed = [line for line in answers.records if not line["whither"].get("app", {}).get("id")]
    checks = [
        ("ledger packets", theirs, packets["decoded"]),
        ("ledger not understood", 0, packets["read"] - packets["decoded"]),
        ("ledger octets", sum(found.octets for found in conversations.values()), answers.summary["totals"]["octets"]),
        ("ledger flows", sorted(map(str, whole)), sorted(map(str, answers.flows))),
        ("ledger unnamed octets", octets(unnamed), book["bytes_unnamed"]),
        ("ledger hidden lookups", scenario.hidden, book["encrypted_dns"]["flows"]),
        # Of each record that a rule judges these two are counted, of limits none must be hit.
        ("ledger peers", verdicts(answers, "excludes peers"), book["limits"].pop("peers_not_alerted", 0)),
        ("ledger unanswered", verdicts(answers, "unsolicited"), book["limits"].pop("unanswered_not_alerted", 0)),
        ("ledger limits", scenario.limits, {name: count for name, count in book["limits"].items() if count}),
        ("store says the same", sorted(said(line) for line in flows), sorted(said(line) for line in answers.stored.values())),
    ]
    rows = []
    for what, want, have in checks:
        if want != have:
            rows.append(Row(what, NOTHING, want, have, DIFFER))
    return rows or [Row("ledger and store", NOTHING, f"{theirs} packets", f"{packets['decoded']} packets", AGREE)]


def verdicts(answers, reason):
    """Verdicts that rest on this reason."""
    all_of_them = [verdict for line in answers.records for verdict in line["whither"]["verdicts"]]
    return sum(any(reason in because for because in verdict["because"]) for verdict in all_of_them)


def said(line):
    """What the store must have kept of a flow."""
    return str((program.key(line), line["whither"].get("app", {}).get("id"), program.answer(line, "any_name"), program.answer(line, "ja4")))
