"""Holds a run of the Autobahn test suite against the stored results; `--accept` stores it instead."""

import datetime
import json
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results.txt"
PAGE = HERE / "../../docs/autobahn.md"
BEST_FIRST = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"]
GROUPS = {
    "1": "Framing: text and binary messages",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Reserved opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Closing",
    "9": "Large messages, and many",
    "10": "Fragmentation by the server",
    "12": "Compression",
    "13": "Compression with parameters",
}


def outcome(case):
    """How the case ended, or, if that was well, how its connection was closed."""
    behavior, close = case["behavior"], case["behaviorClose"]
    return behavior if close in ("OK", "INFORMATIONAL") else f"{behavior}, close {close}"


def lenient(result):
    """What is allowed and what is preferred are as good: which it is may be a matter of timing."""
    return "OK" if result == "NON-STRICT" else result


def number(case):
    return [int(part) for part in case.split(".")]


def page(results, version):
    outcomes = [name for name in BEST_FIRST if name in results.values()]
    lines = [
        "# The Autobahn test suite",
        "",
        "The fuzzing client of the [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite)",
        f"{version} against the echo in `tests/autobahn`, in raw frames, with limits raised to what the suite",
        f"sends: **{len(results)} cases, {failures(results)} failed.** Run on {datetime.date.today()} by",
        "`bash tests/autobahn/run --accept`, which writes this page; without `--accept` it compares with",
        "`tests/autobahn/results.txt`, case by case, as CI does.",
        "",
        "| cases | what they try | " + " | ".join(outcomes) + " | failed |",
        "|---|---|" + "---|" * (len(outcomes) + 1),
    ]
    for group, cases in groupby(sorted(results, key=number), lambda case: case.split(".")[0]):
        group_results = {case: results[case] for case in cases}
        counts = Counter(group_results.values())
        cells = [str(counts[name] or "") for name in outcomes] + [str(failures(group_results))]
        lines.append(f"| {group}.* | {GROUPS.get(group, '')} | " + " | ".join(cells) + " |")
    counts = Counter(results.values())
    total = [str(counts[name]) for name in outcomes] + [str(failures(results))]
    lines.append("| all | | " + " | ".join(total) + " |")
    lines += [
        "",
        "*Non-strict* is what the suite allows beside what it prefers. In 3.* to 5.* a frame that breaks the",
        "protocol comes on the heels of good ones: the connection is closed at once, and what was being",
        "answered is not, unless the answer is on its way by then. In 6.4.3 and 6.4.4 text that is not UTF-8 is",
        "refused when its frame is whole, and not in its midst. *Informational* cases have no right answer.",
        "Compression is *unimplemented*: it is never agreed to.",
        "",
    ]
    return "\n".join(lines)


def failures(results):
    return sum(result not in BEST_FIRST for result in results.values())


def main(report, *options):
    cases = json.loads(Path(report).read_text())["specwire"]
    results = {case: outcome(cases[case]) for case in sorted(cases, key=number)}
    failed = [f"{case}: {result}" for case, result in results.items() if result not in BEST_FIRST]
    if "--accept" in options:
        RESULTS.write_text("".join(f"{case} {result}\n" for case, result in results.items()))
        pinned = (HERE / "requirements.txt").read_text().split("autobahntestsuite==")[1].split()[0]
        PAGE.resolve().write_text(page(results, pinned))
        differing = []
    else:
        stored = dict(line.split(" ", 1) for line in RESULTS.read_text().splitlines())
        differing = [
            f"{case}: {results.get(case, 'not run')}, and `results.txt` says {stored.get(case, 'nothing')}"
            for case in sorted(results.keys() | stored.keys(), key=number)
            if lenient(results.get(case)) != lenient(stored.get(case))
        ]
    for line in failed + differing:
        print(line)
    counts = ", ".join(f"{count} {result}" for result, count in Counter(results.values()).items())
    print(f"{len(results)} cases: {counts}; {len(failed)} failed, {len(differing)} not as stored")
    sys.exit(bool(failed or differing))


main(*sys.argv[1:])
