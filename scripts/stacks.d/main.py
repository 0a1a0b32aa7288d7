"""Runs the scenarios and prints the table. Called by scripts/stacks, which makes the namespaces."""

import argparse
import os
import shutil
import sys

import browser
import calls
import judge
import lab
import lookups
import opinion
import program
import proxies
import quic
import tls

MODULES = [quic, tls, proxies, lookups, calls, browser]


def scenarios():
    return [each for module in MODULES for each in module.SCENARIOS]


def trial(scenario, given):
    """Runs one scenario; gives its rows."""
    folder = os.path.join(given.folder, scenario.name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    bench = lab.Lab(folder, given.client, given.server, sys.executable)
    capture = None
    try:
        told = scenario.run(bench, lambda: bench.capture())
    except lab.Missing as missing:
        return [judge.Row("", judge.NOTHING, judge.NOTHING, judge.NOTHING, f"skipped: {missing}")]
    except lab.Failed as failed:
        return [judge.Row("", judge.NOTHING, judge.NOTHING, judge.NOTHING, f"skipped: {failed}")]
    finally:
        bench.close()
    path = os.path.join(folder, "capture.pcap")
    conversations = opinion.read(path)
    answers = program.read(given.binary, path, folder)
    rows = [row for each in told for row in judge.facts(each, conversations, answers)]
    return rows + judge.ledger(scenario, conversations, answers)


def cut(text, width):
    return text if len(text) <= width else text[:width - 1] + "…"


def main():
    parser = argparse.ArgumentParser()
    for name in ("--binary", "--folder", "--client", "--server"):
        parser.add_argument(name, required=True)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("scenario", nargs="*")
    given = parser.parse_args()
    chosen = [each for each in scenarios() if not given.scenario or each.name in given.scenario]
    unknown = set(given.scenario) - {each.name for each in chosen}
    if unknown:
        sys.exit(f"stacks: there is no scenario {', '.join(sorted(unknown))}; --list names them")
    widths = (30, 34, 38, 38)
    counts = {"agree": 0, "skipped": 0, "DIFFERS": 0}
    for scenario in chosen:
        print(f"{scenario.name}: {scenario.about}")
        if given.list:
            continue
        for row in trial(scenario, given):
            cells = [row.what, judge.show(row.told), judge.show(row.theirs), judge.show(row.ours)]
            print("  " + "  ".join(cut(cell, width).ljust(width) for cell, width in zip(cells, widths)) + f"  {row.verdict}", flush=True)
            counts[next(word for word in counts if row.verdict.startswith(word))] += 1
    if not given.list:
        print(f"{counts['agree']} agree, {counts['DIFFERS']} differ, {counts['skipped']} skipped"
              "   (columns: what, told, tshark, whither, verdict)")
    sys.exit(1 if counts["DIFFERS"] else 0)


main()
