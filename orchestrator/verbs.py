"""What each verb does, once its arguments are read."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator import assembly, researchers
from orchestrator.assembly import Bench
from orchestrator.budget import Budget
from orchestrator.diagnosis import diagnose
from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.folder import Step
from orchestrator.ledger.reading import Summary, read_run
from orchestrator.ledger.verification import Anchor, verify_run
from orchestrator.morning import Morning
from orchestrator.night import Night, checked_tag, open_record, spend
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.ownership import reap
from orchestrator.sandbox.quarantine import Quarantine
from orchestrator.sandbox.volumes import export_stdlib
from orchestrator.settings import load_settings
from orchestrator.task import TextProfile
from orchestrator.views.console import Console, best_line, holdout_line
from orchestrator.views.spending import model_line, model_news

Verb = Callable[[Namespace], int]
SHOWN_ROWS = 200


def run(arguments: Namespace, at: Step = lambda _: None) -> int:
    """The night. Exit code 0 when the budget is spent. `at` is told each durable step of the record."""
    settings = load_settings()
    folder = settings.runs / checked_tag(arguments.tag)
    bench = assembly.open_bench(settings, arguments.policy, arguments.task)
    console = Console()
    budget = Budget(hours=arguments.hours, experiments=arguments.experiments)

    def note(event: str, **fields: Any) -> None:
        ledger.record(event, **fields)
        if news := model_news(event, fields):
            console.say(news, "yellow")

    notes = researchers.Notes(console.say, note, lambda: ledger.lessons)
    proposer = researchers.choose_proposer(bench, arguments.proposer, arguments.tag, notes)
    researchers.say_estimate(bench, proposer, budget, console.say)
    data = assembly.data_of(bench, arguments.data)
    filling, loosen = bench.policy.pipeline, arguments.allow_loosen
    night = Night(bench, arguments.tag, data, proposer, budget, filling, loosen, notes=notes)
    with Morning(settings, folder, night.began), open_record(night, at) as ledger:
        spend(night, ledger, console)
    console.say("")
    _show(console, read_run(folder))
    console.say(f"records: {folder}   ended: {budget.why_ended}")
    return 0


def status(arguments: Namespace) -> int:
    """The newest run, or the one named: its table and its best."""
    folder = run_folder(load_settings().runs, arguments.tag)
    console, summary = Console(), read_run(folder)
    _show(console, summary)
    console.say(f"{folder}: {'in progress' if summary.in_progress else 'not running'}")
    if not (folder / "repo.git").is_dir():
        raise LedgerError(f"{folder} has lost its repo.git", remedy="put it back, or start a new tag")
    return 0


def prepare_data(arguments: Namespace) -> int:
    """Run the task's own prepare.py; the image's library is exported for it when it asks for `stdlib`."""
    settings = load_settings()
    bench = assembly.open_bench(settings, arguments.policy, arguments.task)
    source = arguments.source or bench.profile.data
    out = arguments.out or bench.data_path(source)
    command = [sys.executable, str(bench.task.folder / "prepare.py"), "--source", source]
    command += ["--out", str(out)]
    if isinstance(bench.profile, TextProfile):
        command += ["--vocab-size", str(bench.profile.vocab_size)]
    if source == "stdlib":
        command += ["--documents", str(_exported_stdlib(bench, settings.data))]
    finished = subprocess.run(command, check=False)  # noqa: S603 - the task's own program
    return finished.returncode


def doctor(arguments: Namespace) -> int:
    """Every check with its remedy. Exit code 1 when something that a run needs is missing."""
    findings = diagnose(load_settings(), arguments.policy, arguments.task)
    console = Console()
    for finding in findings:
        console.say(f"{finding.state:<8} {finding.subject:<8} {finding.message}", finding.style)
        if finding.remedy:
            console.say(f"{'':<17} remedy: {finding.remedy}")
    return 1 if any(finding.fatal for finding in findings) else 0


def reap_orphans(arguments: Namespace) -> int:
    """Remove what dead runs left behind, and free the devices whose containers are gone for sure."""
    settings, console = load_settings(), Console()
    engine = Engine.connect(settings.docker_host)
    quarantine = Quarantine(settings.runs, engine)
    try:
        with quarantine.noting():
            containers, volumes = reap(engine, lambda _: True) if arguments.all else reap(engine)
        console.say(f"removed {containers} containers and {volumes} volumes")
    finally:
        for device in quarantine.lift():
            console.say(f"{device} is out of quarantine")
    return 0


def audit_verify(arguments: Namespace) -> int:
    """Check a run's records against each other. Raises LedgerError for a break; a crash's trace is none."""
    folder = run_folder(load_settings().runs, arguments.tag)
    findings = verify_run(folder, arguments.against)
    breaks = [finding for finding in findings if not finding.harmless]
    for finding in findings:
        Console().say(str(finding) + (", as after a crash" if finding.harmless else ""))
    if breaks:
        remedy = "keep the folder as it is and find out who touched it"
        raise LedgerError(f"{folder}: {breaks[0]}", remedy=remedy)
    Console().say(f"{folder}: the log, the commits, the refs, the policy and the exports agree")
    if arguments.against:
        Console().say(f"line {arguments.against.seq} of the log has the hash of the anchor that you kept")
    if arguments.anchor:
        Console().say(str(Anchor.of(folder)))
    return 0


def run_folder(runs: Path, tag: str) -> Path:
    """The run that is named, else the one whose log changed last. Raises SetupError where there is none, and
    LedgerError where it lost its log."""
    pattern = f"{checked_tag(tag)}/audit.jsonl" if tag else "*/audit.jsonl"
    logs = sorted(runs.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not logs and tag and (runs / tag / "repo.git").exists():
        remedy = "put it back from a copy: without it nothing in the folder can be trusted"
        raise LedgerError(f"{runs / tag} has lost its audit.jsonl", remedy=remedy)
    if not logs:
        raise SetupError(f"there is no run {tag}".rstrip() + f" in {runs}", remedy="start one: 'make demo'")
    return logs[-1].parent


def _show(console: Console, summary: Summary) -> None:
    console.history(summary.entries[-SHOWN_ROWS:])
    if len(summary.entries) > SHOWN_ROWS:
        console.say(f"the latest {SHOWN_ROWS} of {len(summary.entries)} attempts; results.tsv has them all")
    console.say(best_line(summary.entries, summary.measure.unit), "bold")
    if line := holdout_line(summary.entries, summary.holdouts):
        console.say(line)
    outages = summary.outages
    if line := model_line(summary.spent, summary.entries, outages.count, outages.seconds_so_far):
        console.say(line)
    for number in summary.still_open:
        console.say(f"attempt {number:04d} is still open: the next start goes on with it")


def _exported_stdlib(bench: Bench, folder: Path) -> Path:
    """The library as JSON lines, exported once for each image."""
    path = folder / f"stdlib-{bench.outfit.image.removeprefix('sha256:')[:12]}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(export_stdlib(bench.engine, bench.outfit))
        part.replace(path)
    return path
