"""One file through gate, sandbox and scorer: by itself, or as an attempt of a run that decides on it."""

from __future__ import annotations

import dataclasses
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from orchestrator import assembly
from orchestrator.assembly import Rig
from orchestrator.budget import Budget
from orchestrator.errors import SetupError
from orchestrator.lab import examine
from orchestrator.night import AT_LEISURE, Night, checked_tag, open_record, spend
from orchestrator.preparation import review
from orchestrator.proposers.mailbox import Mailbox, named
from orchestrator.records import Action, Attempt, Decision, Experiment, History, Proposal, Run
from orchestrator.settings import load_settings
from orchestrator.text import sanitise_line
from orchestrator.views.console import Console, labelled


def try_file(arguments: Namespace) -> int:
    """One file, decided on in the run `tag` or, without one, only scored. Exit code 0 when it was scored."""
    if arguments.tag:
        return _try_in_run(arguments)
    if arguments.proposer:
        raise SetupError("only a run names its proposers", remedy="give --tag too, or leave out --as")
    bench = assembly.open_bench(load_settings(), arguments.policy, arguments.task)
    data = assembly.data_of(bench, arguments.data)
    files = bench.task.read_files() | {bench.task.entry_file: _read_text(arguments.file)}
    seed = 1 if arguments.seed is None else arguments.seed
    attempt = Attempt(0, Proposal(arguments.file.name, files, proposer="try"), files, seed)
    console = Console(sys.stderr)
    with assembly.open_rig(bench, "try", data, console.say) as rig:
        experiment = _examine_once(rig, attempt, console)
    _tell(_as_json(experiment) if arguments.json else _summary(experiment))
    return 0 if experiment.value is not None else 1


def _try_in_run(arguments: Namespace) -> int:
    """The file becomes the run's next attempt, after whatever a run begins with."""
    if arguments.seed is not None:
        raise SetupError("the host draws the seeds of a run", remedy="leave out --seed, or --tag")
    settings, tag = load_settings(), checked_tag(arguments.tag)
    bench = assembly.open_bench(settings, arguments.policy, arguments.task)
    box = Mailbox(named("try", arguments.proposer))
    text = _read_text(arguments.file)
    box.put(Proposal(arguments.file.name, {bench.task.entry_file: text}, proposer=box.name))
    box.close("the file was tried")
    data = assembly.data_of(bench, arguments.data)
    night = Night(bench, tag, data, box, Budget(), AT_LEISURE)
    with open_record(night) as ledger:
        followed = Followed(box.name, ledger.history())
        spend(night, ledger, Console(sys.stderr), followed)
        history = ledger.history()
    _tell(followed.as_json(history) if arguments.json else followed.summary())
    return 0 if followed.scored else 1


class Followed:
    """A watcher that remembers what became of a proposer's last attempt, of those not in `before`."""

    def __init__(self, proposer: str, before: History) -> None:
        self._proposer = proposer
        self._newest = before.newest_number
        self._attempt: Attempt | None = None
        self._ended: Experiment | None = None
        self._decision: Decision | None = None

    @property
    def scored(self) -> bool:
        return self._ended is not None and self._ended.value is not None

    def opened(self, attempt: Attempt) -> None:
        if attempt.number > self._newest and attempt.proposal.proposer == self._proposer:
            self._attempt, self._ended, self._decision = attempt, None, None

    def closed(self, experiment: Experiment, decision: Decision) -> None:
        if self._attempt and experiment.attempt.number == self._attempt.number:
            self._ended, self._decision = experiment, decision

    def proposing(self, proposer: str) -> None: ...

    def training(self, attempt: Attempt) -> None: ...

    def scoring(self, attempt: Attempt, run: Run) -> None: ...

    def measured(self, experiment: Experiment, decision: Decision) -> None: ...

    def as_json(self, history: History) -> dict[str, Any]:
        """Verdict, run and score of its last run, and what was decided; null for what did not come about."""
        decision = self._decision
        return {
            **(_as_json(self._ended) if self._ended else dict.fromkeys(("verdict", "run", "score"))),
            "decision": {"action": decision.action.value, "reason": decision.reason} if decision else None,
            "attempt": self._attempt.number if self._attempt else None,
            "best": {"attempt": history.best_number, "value": history.best_value},
        }

    def summary(self) -> str:
        """One line for a person."""
        if not (self._attempt and self._ended and self._decision):
            return "not decided: the run ended before"
        decided = f"{self._decision.action.value}: {sanitise_line(self._decision.reason, 300)}"
        return f"attempt {self._attempt.name}: {_summary(self._ended)}; {decided}"


def _examine_once(rig: Rig, attempt: Attempt, console: Console) -> Experiment:
    reviewed = review([gate.review for gate in rig.gates], attempt)
    if not reviewed.verdict.allowed:
        return reviewed
    return examine(rig.sandbox.run, rig.scorer, reviewed, console, lambda _: Action.REPEAT)


def _tell(report: dict[str, Any] | str) -> None:
    if isinstance(report, str):
        Console().say(report)
    else:
        Console().write(json.dumps(report, indent=2) + "\n")


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
        return f"no score: {sanitise_line(experiment.failure, 600)}"
    seconds = experiment.run.train_seconds if experiment.run else 0.0
    value = labelled(f"{experiment.value:.6f}", verified=bool(experiment.score and experiment.score.verified))
    return f"scored {value} after {seconds:.1f} s of training"


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}", remedy="name a UTF-8 text file") from None
