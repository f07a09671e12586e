"""The seams of the product. The first five have real parts and one shipped double each (see `testing.py`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from orchestrator.deciding.evidence import Evidence
from orchestrator.records import (
    Action,
    Attempt,
    Curve,
    Decision,
    Experiment,
    History,
    Proposal,
    Run,
    Score,
    Verdict,
)


class Proposer(Protocol):
    """Turns what was learned into the next proposal."""

    @property
    def name(self) -> str:
        """Who is going to be asked."""

    def propose(self, history: History) -> Proposal:
        """Return one proposal; a malformed idea is a proposal with a `problem`, not an exception.

        Where `history.mend` is given, the proposal should be that one, repaired; a proposer that cannot
        repair proposes something else. Raises ProposerError when the proposer stays out of reach,
        ProposalsExhausted when there will never be another one, and StopIteration never.
        """


class Gate(Protocol):
    """Reads an attempt before anything runs. It is lint, not the boundary."""

    def review(self, attempt: Attempt) -> Verdict: ...


class Sandbox(Protocol):
    """Runs an attempt's files in a fresh sealed container, against the host's clock."""

    def run(self, attempt: Attempt, *, best_progress: Curve = ()) -> Run:
        """Raises SandboxError when the engine failed; what the candidate did is in the Run.

        Where the policy says so, a run that is hopeless beside `best_progress` is ended early; without a
        curve none is.
        """

    def close(self) -> None:
        """Leave no container and no volume behind."""


class Model(Protocol):
    """A candidate's model inside its own container. Everything it answers is a claim."""

    def claim(self, rows: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Send token rows [B, T + 1], receive one negative log-likelihood in nats per target [B, T].

        Raises CandidateFault when the container answers late, short, or not at all.
        """

    def answer(
        self, inputs: NDArray[np.uint16], cuts: NDArray[np.int64], vocab_size: int
    ) -> NDArray[np.float32]:
        """Send inputs [B, T] with a cut in each [B], receive the logits there alone [B, V].

        Raises CandidateFault as `claim` does.
        """

    def predict(self, inputs: NDArray[np.float32], outputs: int) -> NDArray[np.float32]:
        """Send inputs [B, ...], receive so many numbers for each row [B, outputs].

        Raises CandidateFault as `claim` does.
        """


class CandidateFault(Exception):  # noqa: N818 - not our error
    """The model container did not answer as agreed. The candidate's doing: data, not an error."""


class Models(Protocol):
    """Opens the model that a completed run left behind, each time in a container that has seen nothing."""

    def open(self, run: Run, *, keep: bool = False) -> AbstractContextManager[Model]:
        """Load the model; leaving the context ends its container, so that no two ever run side by side.

        The run's output goes with it unless it is to be kept for another time. Raises CandidateFault when
        candidate code cannot be loaded.
        """

    def release(self, run: Run) -> None:
        """Let go of an output that was kept."""


Prospects = Callable[[float], Action]


class Scorer(Protocol):
    """Measures a completed run."""

    def score(self, run: Run, prospects: Prospects) -> Score:
        """`prospects` says of a value what would be decided: one that is not discarded is worth every check,
        and one that is kept is measured on the holdout too.

        Raises ScorerError when our own measurement broke.
        """


class Ledger(Protocol):
    """Keeps every attempt, decision and event. Nothing is ever lost or rewritten."""

    def history(self) -> History: ...

    def evidence(self, of: int | None = None) -> Evidence:
        """What a decision on attempt `of` may rest on: its values, the best's, and the night's."""

    def recover(self) -> Attempt | None:
        """The attempt that was open when the last process ended, to be run once more; else None."""

    @property
    def best(self) -> str | None:
        """The commit of the best; None before the baseline is kept."""

    def open(self, proposal: Proposal, base: str | None = None) -> Attempt:
        """Commit the proposal's files over those of `base`, and the intent, before anything runs.

        `base` is the commit that the proposal was made from: a best, of now or of before; None is the best
        of now.
        """

    def next_run(self, number: int) -> Attempt:
        """An attempt with the seed of its next run, which the host draws: each run has its own."""

    def measure(self, experiment: Experiment, serving: int) -> None:
        """Record one run, and its score, of the open attempt `serving` or of the best beside it; `serving`
        may be the best itself."""

    def close(self, experiment: Experiment, decision: Decision) -> None:
        """Record what was decided on an attempt, all of whose runs are measured; on keep, move the best by
        compare-and-swap."""

    def record(self, event: str, /, **fields: Any) -> None:
        """Add one event (past tense, snake_case) that belongs to no attempt."""


class Watcher(Protocol):
    """Is told what happens, for people to look at. Decides nothing and must not raise."""

    def proposing(self, proposer: str) -> None: ...

    def opened(self, attempt: Attempt) -> None: ...

    def training(self, attempt: Attempt) -> None: ...

    def scoring(self, attempt: Attempt, run: Run) -> None: ...

    def measured(self, experiment: Experiment, decision: Decision) -> None:
        """One run is recorded, and `decision` asks for another one."""

    def closed(self, experiment: Experiment, decision: Decision) -> None: ...
