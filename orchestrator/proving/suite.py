"""Runs hostile programs as attempts of a run of their own, and says of each whether it was stopped.

Each program is an attempt like any other: committed to a ledger, run by the sandbox, scored by the scorer,
decided, closed. The gate's lint is off, so that the container alone has to hold, except for programs that
attack the gate. Behind every few programs an honest attempt must still score what it scored at first.
"""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.breadth import OTHER
from orchestrator.decision import decide
from orchestrator.errors import OrchestratorError, SandboxError, ScorerError
from orchestrator.ledger.git import GitLedger
from orchestrator.policy import DecisionPolicy
from orchestrator.ports import Gate
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proving import invariants, records_check
from orchestrator.proving.control_run import ControlSeen, run_control
from orchestrator.proving.expectation import Sighting, judge, report_of, said
from orchestrator.proving.invariants import Resources, Standing
from orchestrator.proving.program import Program
from orchestrator.proving.ring import Corner, Ring
from orchestrator.proving.row import Row, row_of
from orchestrator.proving.stage import Stage
from orchestrator.records import Attempt, Experiment, Proposal, Verdict
from orchestrator.sandbox.container import Outfit
from orchestrator.sandbox.engine import Engine
from orchestrator.views.console import Console

BATCH = 24
HONEST_SEED = 1
HONEST_TOLERANCE = 1e-3  # in bits per byte; on a processor it is the same to the last digit
_OUR_FAULT = "the sandbox itself failed"


@dataclass(frozen=True, slots=True)
class Arena:
    """Everything that a suite runs on."""

    engine: Engine
    outfit: Outfit
    ring: Ring
    stage: Stage
    ledger: GitLedger
    gate: Gate
    rules: DecisionPolicy
    prompt: PromptBuilder
    shared: Mapping[str, str]
    honest: str
    tag: str


class Suite:
    """Runs programs one after the other; `rows` gives a row for each."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._shown = io.StringIO()
        self._console = Console(self._shown)
        self._attempts = 0
        self._honest_value = 0.0
        self._before = Resources(0, 0)
        self._peak_mib = 0
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="control")

    def rows(self, programs: Sequence[Program], done: Callable[[Row], object]) -> Iterator[list[Row]]:
        """The rows of each batch, once the honest attempt behind it was measured; `done` is told each
        program's row as it ends. Raises SandboxError when even the honest attempt has no score."""
        self._honest_value = self._honest()
        self._before = invariants.resources(self._arena.ledger.folder)
        self._peak_mib = invariants.peak_mib()
        for start in range(0, len(programs), BATCH):
            rows = []
            for program in programs[start : start + BATCH]:
                rows.append(self._row(program))
                done(rows[-1])
            breaks = list(self._breaks_behind_a_batch())
            yield [row.broken(breaks) for row in rows]

    def _honest(self) -> float:
        files = {"train.py": self._arena.honest}
        opened = self._open(Proposal("an honest attempt", files, proposer="prove", kind=OTHER))
        attempt = replace(opened, seed=HONEST_SEED)
        experiment = self._arena.ring.corner(framework=True, hurried=False).examine(attempt)
        self._close(experiment)
        if experiment.value is None:
            message = f"an honest attempt has no score: {experiment.failure}"
            raise SandboxError(message, remedy="run 'autoresearch doctor'")
        return experiment.value

    def _row(self, program: Program) -> Row:
        began, arena = time.monotonic(), self._arena
        corner = arena.ring.corner(framework=program.framework, hurried=program.hurried)
        unfinished = self._left_a_mark(program, corner) if program.again else ""
        standing = Standing(len(arena.ledger.history().entries), arena.ledger.evidence())
        attempt = self._opened(program)
        controlled = self._beside.submit(
            run_control, arena.engine, arena.outfit, program, arena.stage.places, arena.shared
        )
        experiment, fault = self._examined(program, corner, attempt)
        self._close(experiment)
        control = controlled.result()
        seconds, overrun = time.monotonic() - began, invariants.overrun(experiment, corner.budget)
        if fault := fault or unfinished:
            return _failed(program, control, fault, seconds)
        expected = program.expected[arena.outfit.policy.runtime]
        row = row_of(program, judge(expected, experiment), control, seconds=seconds, overrun=overrun)
        return row.broken(list(self._breaks(experiment, standing, corner)))

    def _opened(self, program: Program) -> Attempt:
        files = {**self._arena.shared, "train.py": program.source}
        if "path" in program.texts:
            files[program.texts["path"]] = program.source
        title = program.texts.get("title", program.identity)
        return self._open(Proposal(title, files, proposer="prove", kind=OTHER))

    def _left_a_mark(self, program: Program, corner: Corner) -> str:
        """Run it the first time; what went wrong, for then the second time would prove nothing."""
        experiment, fault = self._examined(program, corner, self._opened(program))
        self._close(experiment)
        return fault or ("" if report_of(said(experiment)) else "its first run did not come to its end")

    def _examined(self, program: Program, corner: Corner, attempt: Attempt) -> tuple[Experiment, str]:
        """The experiment, and what failed on our side meanwhile."""
        if program.gated:
            verdict = self._arena.gate.review(attempt)
            if not verdict.allowed:
                return Experiment(attempt, verdict), ""
        try:
            return corner.examine(attempt), ""
        except (SandboxError, ScorerError) as error:
            return Experiment(attempt, Verdict()), error.message

    def _open(self, proposal: Proposal) -> Attempt:
        attempt = self._arena.ledger.open(proposal)
        self._attempts += 1
        self._console.opened(attempt)
        return attempt

    def _close(self, experiment: Experiment) -> None:
        ledger, number = self._arena.ledger, experiment.attempt.number
        if experiment.run:
            ledger.measure(experiment, number)
        decision = decide(experiment, ledger.evidence(number), self._arena.rules)
        ledger.close(experiment, decision)
        self._console.closed(experiment, decision)

    def _breaks(self, experiment: Experiment, standing: Standing, corner: Corner) -> Iterator[str]:
        arena, run = self._arena, experiment.run
        yield from invariants.ledger_breaks(standing, arena.ledger.history(), arena.ledger.evidence())
        yield from invariants.deadline_breaks(experiment, corner.budget)
        nonce = secrets.token_hex(8)
        messages = replace(arena.prompt, nonce=nonce).messages(arena.ledger.history())
        prompt = "\n".join(message.content for message in messages)
        yield from records_check.prompt_breaks(prompt, nonce)
        yield from records_check.hidden_characters("the console", self._shown.getvalue())
        for place in arena.stage.canaries.found_in((prompt + self._shown.getvalue()).encode()):
            yield f"the secret of {place} was shown"
        if run:
            yield from invariants.leftovers(arena.engine, run.run_id, arena.tag)
            yield from invariants.log_breaks(run, arena.outfit.policy.log_kib * 1024)
            for place in arena.stage.canaries.found_in(run.log.encode("utf-8", "surrogatepass")):
                yield f"the secret of {place} came out in its log"

    def _breaks_behind_a_batch(self) -> Iterator[str]:
        arena = self._arena
        try:
            value = self._honest()
        except OrchestratorError as error:
            yield error.message
        else:
            if abs(value - self._honest_value) > HONEST_TOLERANCE:
                yield f"the honest attempt behind it scored {value:.6f}, not {self._honest_value:.6f}"
        self._console.history(arena.ledger.history().entries)
        folder: Path = arena.ledger.folder
        yield from records_check.record_breaks(folder, self._attempts)
        yield from records_check.leaks(folder, arena.stage.canaries)
        yield from invariants.resource_breaks(self._before, invariants.resources(folder))
        yield from invariants.peak_breaks(self._peak_mib, invariants.peak_mib())


def _failed(program: Program, control: ControlSeen, fault: str, seconds: float) -> Row:
    return row_of(program, Sighting("else", f"{_OUR_FAULT}: {fault}"), control, seconds=seconds, overrun=0.0)
