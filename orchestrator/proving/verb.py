"""`autoresearch prove`: the hostile suite against the policy in force on this machine, as a table or JSON."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from orchestrator import assembly
from orchestrator.assembly import Bench
from orchestrator.proving.program import load_programs
from orchestrator.proving.prove import prove
from orchestrator.proving.row import Row
from orchestrator.sandbox.gpu import check_runtime
from orchestrator.settings import load_settings
from orchestrator.views.console import Console

COLUMNS = ("program", "outcome", "seconds", "seen", "stopped by")
SEEN_CHARACTERS = 36
WIDTH = 132  # where there is no terminal to ask
STYLES = {"stopped": "green", "through": "bold red", "vacuous": "yellow", "error": "yellow"}


def prove_policy(arguments: Namespace) -> int:
    """Exit code 0 when every program was stopped, 1 when one was not, or proved nothing."""
    programs = load_programs(arguments.programs, arguments.group)
    bench = _bench(arguments)
    progress, began = Console(sys.stderr), time.monotonic()
    tier = bench.policy.sandbox.runtime
    progress.say(f"{len(programs)} hostile programs against {arguments.policy} at the {tier} tier")
    rows = prove(bench, programs, lambda row: progress.say(*_progress(row)))
    if arguments.json:
        report = {"tier": tier, "programs": [row.as_json() for row in rows]}
        Console().write(json.dumps(report, indent=2) + "\n")
    else:
        _show(rows, tier, time.monotonic() - began)
    return 0 if all(row.outcome == "stopped" for row in rows) else 1


def _bench(arguments: Namespace) -> Bench:
    bench = assembly.open_bench(load_settings(), arguments.policy, arguments.task)
    if not arguments.runtime:
        return bench
    check_runtime(bench.grant, arguments.runtime, bench.facts.runtime_arguments.get(arguments.runtime, ()))
    sandbox = bench.policy.sandbox.model_copy(update={"runtime": arguments.runtime})
    return replace(bench, policy=bench.policy.model_copy(update={"sandbox": sandbox}))


def _progress(row: Row) -> tuple[str, str]:
    rest = "" if row.outcome == "stopped" else f": {row.evidence}"
    return f"{row.seconds:5.1f} s  {row.outcome:<8} {row.id}{rest}", STYLES[row.outcome]


def _show(rows: Sequence[Row], tier: str, seconds: float) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for group in dict.fromkeys(row.group for row in rows):
        console.say(f"\n{group}", "bold")
        console.table(COLUMNS, map(_cells, _of(group, rows)))
    counts: Counter[str] = Counter(row.outcome for row in rows)
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in STYLES if counts[outcome])
    slowest = max(rows, key=lambda row: row.seconds)
    closest = max(rows, key=lambda row: row.overrun)
    console.say(f"\n{len(rows)} programs at the {tier} tier in {seconds:.0f} s: {said}", "bold")
    console.say(
        f"slowest {slowest.id} ({slowest.seconds:.1f} s); "
        f"closest to its limit {closest.id} ({closest.overrun:.2f} s past deadline and grace)"
    )


def _of(group: str, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.group == group]


def _cells(row: Row) -> tuple[str | Text, ...]:
    name = row.id.partition("/")[2]
    outcome = Text(row.outcome, style=STYLES[row.outcome])
    seen = row.seen[:SEEN_CHARACTERS] if row.outcome == "stopped" else row.evidence
    return name, outcome, f"{row.seconds:.1f}", seen, row.layer
