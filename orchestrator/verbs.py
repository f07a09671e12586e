"""What each verb does, once its arguments are read."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestrator import assembly
from orchestrator.assembly import Bench, Rig
from orchestrator.budget import Budget, Interrupts
from orchestrator.diagnosis import diagnose
from orchestrator.errors import LedgerError, ProposalsExhausted, SetupError
from orchestrator.lab import Lab, examine
from orchestrator.ledger.disk import write_whole
from orchestrator.ledger.folder import Origin, Step
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.reading import Summary, read_run
from orchestrator.ledger.verification import verify_run
from orchestrator.loop import run_night
from orchestrator.morning import Morning
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.ports import Proposer, Watcher
from orchestrator.preparation import Preparation, Untried, review
from orchestrator.records import Action, Attempt, Experiment, Proposal
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.host_versions import read_host_versions
from orchestrator.sandbox.ownership import reap
from orchestrator.sandbox.quarantine import Quarantine
from orchestrator.sandbox.volumes import export_stdlib
from orchestrator.settings import load_settings
from orchestrator.task import TextProfile
from orchestrator.views.console import Console, best_line, holdout_line, labelled, say_at_once
from orchestrator.views.journal import Journal
from orchestrator.views.several import Several
from orchestrator.views.spending import model_line, model_news

Verb = Callable[[Namespace], int]
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def run(arguments: Namespace, at: Step = lambda _: None) -> int:
    """The night. Exit code 0 when the budget is spent. `at` is told each durable step of the record."""
    settings = load_settings()
    folder = settings.runs / checked_tag(arguments.tag)
    bench = assembly.open_bench(settings, arguments.policy, arguments.task)
    console = Console()
    budget = Budget(hours=arguments.hours, experiments=arguments.experiments)

    def note(event: str, **fields: Any) -> None:
        ledger.record(event, **fields)
        console.say(model_news(event, fields), "yellow")

    proposer = assembly.choose_proposer(bench, arguments.proposer, arguments.tag, console.say, note)
    assembly.say_estimate(bench, proposer, budget, console.say)
    data = assembly.data_of(bench, arguments.data)
    assembly.check_room(folder)
    origin = _origin(bench, loosen=arguments.allow_loosen)
    with Morning(settings, folder) as morning, GitLedger(folder, origin, at=at) as ledger:
        write_whole(folder / "policy.yaml", bench.policy.to_yaml().encode())
        console.say(_greeting(bench, arguments.tag))
        with (
            (folder / "orchestrator.log").open("a", encoding="utf-8", buffering=1) as log,
            assembly.open_rig(bench, arguments.tag, data, console.say) as rig,
            Interrupts(budget, say_at_once),
        ):
            ledger.record("night_began", **_circumstances(bench, data.sha256, proposer.name))
            morning.night_began = True
            watcher = Several((console, Journal(log)))
            with _pipeline(bench, rig, ledger, proposer, watcher, budget) as pipeline:
                _spend(_lab(bench, rig, pipeline), budget, console)
        ledger.record("night_ended", reason=budget.why_ended)
    console.say("")
    _show(console, read_run(folder))
    console.say(f"records: {folder}   ended: {budget.why_ended}")
    return 0


def try_file(arguments: Namespace) -> int:
    """One file, nothing committed. Exit code 0 when it was scored, 1 when it was not."""
    bench = assembly.open_bench(load_settings(), arguments.policy, arguments.task)
    data = assembly.data_of(bench, arguments.data)
    files = bench.task.read_files() | {bench.task.entry_file: read_text(arguments.file)}
    attempt = Attempt(0, Proposal(arguments.file.name, files, proposer="try"), files, arguments.seed)
    console = Console(sys.stderr)
    with assembly.open_rig(bench, "try", data, console.say) as rig:
        experiment = _examine_once(rig, attempt, console)
    if arguments.json:
        sys.stdout.write(json.dumps(_as_json(experiment), indent=2) + "\n")
    else:
        Console().say(_summary(experiment))
    return 0 if experiment.value is not None else 1


def status(arguments: Namespace) -> int:
    """The newest run, or the one named: its table and its best."""
    folder = run_folder(load_settings().runs, arguments.tag)
    console, summary = Console(), read_run(folder)
    _show(console, summary)
    console.say(f"{folder}: {'in progress' if summary.in_progress else 'not running'}")
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
    findings = verify_run(folder)
    breaks = [finding for finding in findings if not finding.harmless]
    for finding in findings:
        if finding not in breaks[:1]:
            Console().say(str(finding) + (", as after a crash" if finding.harmless else ""))
    if breaks:
        remedy = "keep the folder as it is and find out who touched it"
        raise LedgerError(f"{folder}: {breaks[0]}", remedy=remedy)
    Console().say(f"{folder}: the log, the commits, the refs and the exports agree")
    return 0


def checked_tag(tag: str) -> str:
    """The tag, if it is a plain name. Raises SetupError."""
    if not _TAG.fullmatch(tag):
        raise SetupError(f"{tag!r} is not a tag", remedy="use a-z, 0-9 and -, at most 32 characters")
    return tag


def run_folder(runs: Path, tag: str) -> Path:
    """The run that is named, else the one whose log changed last. Raises SetupError."""
    pattern = f"{checked_tag(tag)}/audit.jsonl" if tag else "*/audit.jsonl"
    logs = sorted(runs.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not logs:
        raise SetupError(f"there is no run {tag}".rstrip() + f" in {runs}", remedy="start one: 'make demo'")
    return logs[-1].parent


def read_text(path: Path) -> str:
    """A file that the user named. Raises SetupError."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}", remedy="name a UTF-8 text file") from None


def _show(console: Console, summary: Summary) -> None:
    console.history(summary.entries)
    console.say(best_line(summary.entries, summary.measure.unit), "bold")
    if line := holdout_line(summary.entries, summary.holdouts):
        console.say(line)
    outages = summary.outages
    if line := model_line(summary.spent, summary.entries, outages.count, outages.seconds_so_far):
        console.say(line)
    for number in summary.still_open:
        console.say(f"attempt {number:04d} is still open: the next start goes on with it")


def _spend(lab: Lab, budget: Budget, console: Console) -> None:
    try:
        run_night(lab, budget)
    except ProposalsExhausted as end:
        budget.stop(end.message)
        console.say(str(end))


def _pipeline(  # noqa: PLR0913, PLR0917 - the night's parts, one by one
    bench: Bench, rig: Rig, ledger: GitLedger, proposer: Proposer, watcher: Watcher, budget: Budget
) -> Pipeline:
    policy = bench.policy
    await_engine = partial(bench.engine.await_answer, policy.budget.outage_seconds)
    preparation = Preparation(
        proposer,
        (Untried(ledger), *rig.gates),
        ledger,
        policy.decision,
        watcher,
        Patience(policy.budget.faults_in_a_row, ledger.record, await_engine),
        refusals_in_a_row=policy.budget.refusals_in_a_row,
        repairs=policy.repair.attempts,
    )
    return Pipeline(
        preparation,
        bench.task.read_files(),
        policy.pipeline,
        assembly.choose_spares(bench, proposer, ledger.folder.name),
        best_runs=policy.decision.baseline_runs,
        wants_more=lambda: not budget.why_ended,
    )


def _lab(bench: Bench, rig: Rig, pipeline: Pipeline) -> Lab:
    made = pipeline.preparation
    return Lab(
        pipeline, rig.sandbox, rig.scorer, made.ledger, bench.policy.decision, made.patience, made.watcher
    )


def _examine_once(rig: Rig, attempt: Attempt, console: Console) -> Experiment:
    reviewed = review([gate.review for gate in rig.gates], attempt)
    if not reviewed.verdict.allowed:
        return reviewed
    return examine(rig.sandbox.run, rig.scorer, reviewed, console, lambda _: Action.REPEAT)


def _origin(bench: Bench, *, loosen: bool) -> Origin:
    task, policy, release = bench.task, bench.policy, version("autoresearch-sandbox")
    return Origin(
        task.name, task.read_files(), policy.digest, release, {}, bench.measure, policy, loosen=loosen
    )


def _circumstances(bench: Bench, data_sha256: str, proposer: str) -> dict[str, Any]:
    card = bench.grant.gpu
    return {
        "proposer": proposer,
        "engine": dataclasses.asdict(bench.facts),
        "versions": dataclasses.asdict(read_host_versions(bench.facts.kernel)),
        "image": bench.outfit.image,
        "gpu": dataclasses.asdict(card) if card else None,
        "data_sha256": data_sha256,
        "policy_digest": bench.policy.digest,
    }


def _greeting(bench: Bench, tag: str) -> str:
    card = bench.grant.gpu.name if bench.grant.gpu else f"the processor, {bench.outfit.cpus:g} cores"
    seconds = bench.policy.budget.train_seconds
    digest = bench.policy.digest[:12]
    return f"run {tag}: {bench.task.name}, {seconds:g} s an attempt on {card}, policy {digest}"


def _as_json(experiment: Experiment) -> dict[str, Any]:
    run, score = experiment.run, experiment.score
    objections = [dataclasses.asdict(objection) for objection in experiment.verdict.objections]
    return {
        "verdict": {"allowed": experiment.verdict.allowed, "objections": objections},
        "run": dataclasses.asdict(run) if run else None,
        "score": dataclasses.asdict(score) if score else None,
    }


def _summary(experiment: Experiment) -> str:
    if experiment.value is None:
        return f"no score: {experiment.failure}"
    seconds = experiment.run.train_seconds if experiment.run else 0.0
    value = labelled(f"{experiment.value:.6f}", verified=bool(experiment.score and experiment.score.verified))
    return f"scored {value} after {seconds:.1f} s of training"


def _exported_stdlib(bench: Bench, folder: Path) -> Path:
    """The library as JSON lines, exported once for each image."""
    path = folder / f"stdlib-{bench.outfit.image.removeprefix('sha256:')[:12]}.jsonl"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(export_stdlib(bench.engine, bench.outfit))
        part.replace(path)
    return path
