"""What the ledger's tests build runs from, and a night that can be killed at any step."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.exchange import Exchange
from orchestrator.ledger.audit import Event
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.policy import Policy, RecordsPolicy
from orchestrator.ports import Ledger
from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Experiment,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Verdict,
)

TEMPLATE = {"train.py": "DEPTH = 1\n"}
ORIGIN = Origin(task="toy", files=TEMPLATE, policy_digest="d" * 64, version="0.1.0")
KEEPING = RecordsPolicy(keep_prompts=True)
BOUNDED = RecordsPolicy(keep_prompts=True, max_run_mib=1)
LONG_LOG = "".join(f"step {step}\n" for step in range(32_000))
VALUES = {1: 2.0, 2: 2.5, 3: 1.5}
KEPT = {1, 3}


def proposal(number: int = 1, **changes: str) -> Proposal:
    files = {"train.py": f"DEPTH = {number + 1}\n"}
    return Proposal(**{"title": f"depth {number + 1}", "files": files, "hypothesis": "deeper", **changes})  # type: ignore[arg-type]


def under(records: RecordsPolicy) -> Origin:
    """The same run under a policy of its own about records."""
    policy = Policy(records=records)
    return replace(ORIGIN, policy=policy, policy_digest=policy.digest)


def from_model(number: int = 1, said: Exchange | None = None) -> Proposal:
    """A proposal that came from a model."""
    said = said or Exchange((("system", "propose"), ("user", f"question {number}")), f"answer {number}")
    digests = {"prompt_sha256": said.prompt_sha256, "reply_sha256": said.reply_sha256}
    return replace(proposal(number, proposer="openai:m", **digests), exchange=said)


def scored(attempt: Attempt, value: float, log: str = "step 1\n") -> Experiment:
    result = ResultFile({"depth": 2}, {"peak_memory_bytes": 2.0**31}, "a" * 64, "b" * 64, 10)
    run = Run(f"run-{attempt.name}", Outcome.COMPLETED, 3.0, log=log, log_bytes=len(log), result=result)
    return Experiment(attempt, Verdict(), run, Score(value, stderr=0.01))


def crashed(attempt: Attempt) -> Experiment:
    return Experiment(
        attempt, Verdict(), Run("run-x", Outcome.CRASHED, 1.0, reason="exit code 1", exit_code=1)
    )


def refused(attempt: Attempt) -> Experiment:
    return Experiment(attempt, Verdict((Objection("import", "os is not allowed", "train.py", 3),)))


def settle(ledger: Ledger, experiment: Experiment, decision: Decision) -> None:
    """Record the attempt's one run, if it ran, and close it."""
    if experiment.run:
        ledger.measure(experiment, experiment.attempt.number)
    ledger.close(experiment, decision)


KEEP = Decision(Action.KEEP, "better by 0.1")
DISCARD = Decision(Action.DISCARD, "not better")


def run_bounded_night(folder: Path, at: Callable[[str], None] = lambda _: None) -> None:
    """The same night by a model, with its words kept; its second attempt fills it up to its bound."""
    run_night(folder, at, under(BOUNDED), from_model, LONG_LOG)


def run_night(
    folder: Path,
    at: Callable[[str], None] = lambda _: None,
    origin: Origin = ORIGIN,
    propose: Callable[[int], Proposal] = proposal,
    log: str = "step 1\n",
) -> None:
    """Three attempts, the first and the third kept, and the first measured again beside the third.

    Goes on where an earlier process ended.
    """
    with GitLedger(folder, origin, at=at) as ledger:
        while True:
            attempt = ledger.recover()
            number = len(ledger.history().entries) + 1
            if attempt is None and number > len(VALUES):
                return
            attempt = attempt or ledger.open(propose(number))
            if attempt.number == 3:
                ledger.measure(scored(ledger.next_run(1), VALUES[1], log="the best once more\n"), 3)
            decision = KEEP if attempt.number in KEPT else DISCARD
            settle(ledger, scored(attempt, VALUES[attempt.number], log), decision)


def night_killed_at(folder: Path, step: str, occurrence: int, kind: str = "plain") -> int:
    """Run the night in a process that kills itself at a step; returns its exit status."""
    command = [sys.executable, __file__, str(folder), step, str(occurrence), kind]
    return subprocess.run(command, check=False, timeout=60).returncode


def _main() -> None:
    folder, fatal, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

    def die(step: str) -> None:
        nonlocal left
        left -= step == fatal
        if left == 0 and step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    if sys.argv[4:] == ["bounded"]:
        run_bounded_night(folder, die)
    else:
        run_night(folder, die)


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    """The user's own git, in a run's repository."""
    command = ["git", "--git-dir", str(folder / "repo.git"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    _main()


def chained(events: list[Event]) -> str:
    """The log of these events, its chain made anew, as somebody could who knows how."""
    before, lines = events[0]["prev"], []
    for event in events:
        bare = {**{key: value for key, value in event.items() if key != "hash"}, "prev": before}
        before = hashlib.sha256(_json(bare).encode()).hexdigest()
        lines.append(_json({**bare, "hash": before}))
    return "\n".join(lines) + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
