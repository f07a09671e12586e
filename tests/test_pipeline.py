"""Where attempts come from, which are refused, and when there are no more."""

from __future__ import annotations

import pytest

from orchestrator.errors import ProposerError, SandboxError, SetupError
from orchestrator.policy import BudgetPolicy
from orchestrator.records import Action, Attempt, Decision, Experiment, Proposal, Score, Verdict
from orchestrator.testing import MemoryLedger, OpenGate, ScriptedProposer
from tests.lab_parts import TEMPLATE, Night, WordGate, completed, following, proposing


class Interrupted(MemoryLedger):
    """A ledger whose last process ended while an attempt was open."""

    def __init__(self, left: Proposal) -> None:
        super().__init__(TEMPLATE)
        self._left: Attempt | None = self.open(left)

    def recover(self) -> Attempt | None:
        left, self._left = self._left, None
        return left


class Hiccups:
    """A gate whose engine fails so many times before it answers."""

    def __init__(self, times: int) -> None:
        self._left = times

    def review(self, attempt: Attempt) -> Verdict:
        self._left -= 1
        if self._left >= 0:
            raise SandboxError("the smoke test's container was lost")
        return OpenGate().review(attempt)


def with_baseline(night: Night, value: float = 2.0) -> Night:
    """The same night after its baseline."""
    attempt = night.book.open(Proposal("baseline", dict(TEMPLATE)))
    measured = Experiment(attempt, Verdict(), completed(attempt), Score(value))
    night.book.measure(measured, attempt.number)
    night.book.close(measured, Decision(Action.KEEP, "baseline"))
    return night


def test_the_baseline_comes_first_whatever_is_proposed() -> None:
    first = Night(proposing("idea")).following()
    assert (first.attempt.proposal.title, dict(first.attempt.files)) == ("baseline", TEMPLATE)
    assert first.run is None
    assert first.score is None


def test_a_run_that_has_its_baseline_goes_on_with_proposals() -> None:
    assert with_baseline(Night(proposing("idea"))).following().attempt.proposal.title == "idea"


def test_an_interrupted_attempt_comes_before_everything_and_only_once() -> None:
    ledger = Interrupted(proposing("left open")[0])
    night = Night(proposing("idea"), ledger=ledger)
    pipeline = night.pipeline()
    first = following(pipeline)
    assert (first.attempt.number, first.attempt.proposal.title) == (1, "left open")
    ledger.close(Experiment(first.attempt, Verdict()), Decision(Action.DISCARD, "not run"))
    assert following(pipeline).attempt.proposal.title == "baseline"


def test_an_interrupted_attempt_that_is_refused_now_is_closed_and_the_next_one_comes() -> None:
    night = Night(ledger=Interrupted(proposing("REFUSE")[0]), gates=(WordGate(),))
    assert night.following().attempt.proposal.title == "baseline"
    assert night.statuses() == ["refused"]
    assert night.diary.lines == ["opened 1", "closed 1 discard", "opened 2"]


def test_a_baseline_without_a_score_ends_the_run_with_its_reason() -> None:
    night = Night(proposing("idea"))
    pipeline = night.pipeline()
    first = following(pipeline)
    night.memory.close(Experiment(first.attempt, Verdict()), Decision(Action.DISCARD, "it crashed"))
    with pytest.raises(SetupError, match="the baseline has no score: it crashed"):
        pipeline.next()


def test_a_baseline_that_is_refused_ends_the_run_and_is_closed() -> None:
    class Never:
        def review(self, attempt: Attempt) -> Verdict:
            return WordGate().review(Attempt(1, attempt.proposal, {"train.py": "REFUSE"}, 1))

    night = Night(gates=(OpenGate(), Never()))
    with pytest.raises(SetupError, match=r"the baseline is refused: train\.py: it says REFUSE"):
        night.pipeline().next()
    assert night.statuses() == ["refused"]


def test_a_gate_behind_one_that_refuses_is_not_asked() -> None:
    night = with_baseline(Night(proposing("REFUSE", "fine"), gates=(WordGate(), Hiccups(0))))
    assert night.following().attempt.proposal.title == "fine"
    assert night.statuses() == ["scored", "refused"]


def test_a_proposer_that_is_stuck_ends_the_run() -> None:
    budget = BudgetPolicy(refusals_in_a_row=3)
    night = with_baseline(Night(proposing(*["REFUSE"] * 9), gates=(WordGate(),), budget=budget))
    with pytest.raises(ProposerError, match=r"3 proposals in a row were refused; the last: .*REFUSE"):
        night.pipeline().next()
    assert night.statuses() == ["scored"] + ["refused"] * 3


def test_refusals_are_counted_in_a_row_only() -> None:
    budget = BudgetPolicy(refusals_in_a_row=2)
    titles = ("REFUSE", "fine", "REFUSE", "fine too")
    pipeline = with_baseline(Night(proposing(*titles), gates=(WordGate(),), budget=budget)).pipeline()
    assert [following(pipeline).attempt.proposal.title for _ in range(2)] == ["fine", "fine too"]


def test_the_engines_fault_in_a_gate_is_repeated_and_recorded() -> None:
    night = with_baseline(Night(proposing("idea"), gates=(Hiccups(2),)))
    reviewed = night.following()
    assert reviewed.verdict.allowed
    assert [fields["fault"] for _, fields in night.memory.events] == [1, 2]
    assert night.diary.lines == ["proposing scripted", "opened 2"], "opened once, reviewed three times"


def test_the_engines_faults_in_a_gate_are_no_refusal() -> None:
    night = with_baseline(Night(proposing("idea"), gates=(Hiccups(3),)))
    with pytest.raises(SandboxError):
        night.pipeline().next()
    assert night.statuses() == ["scored"], "the attempt stays open"


def test_the_proposer_sees_every_closed_attempt_and_the_best() -> None:
    proposer = ScriptedProposer(proposing("REFUSE", "idea"))
    night = with_baseline(Night(proposer=proposer, gates=(WordGate(),)), value=1.5)
    night.pipeline().next()
    assert [len(history.entries) for history in proposer.seen] == [1, 2]
    assert [history.best_value for history in proposer.seen] == [1.5, 1.5]
    assert dict(proposer.seen[0].best_files) == TEMPLATE
