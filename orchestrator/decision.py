"""What comes after a run: a pure function of the experiment and the evidence so far."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from orchestrator.deciding.evidence import Evidence
from orchestrator.deciding.greedy import keep_any_gain
from orchestrator.deciding.rule import Rules as SequentialRules
from orchestrator.deciding.rule import judge
from orchestrator.records import Action, Decision, Experiment


class Rules(SequentialRules, Protocol):
    """The part of a policy that decisions rest on; `rule` is sequential or greedy."""

    @property
    def rule(self) -> str: ...


NOT_MEASURED = Decision(Action.REPEAT, "not measured yet")


def decide(experiment: Experiment, evidence: Evidence, rules: Rules) -> Decision:
    """What comes after `experiment`, the attempt's latest run, which `evidence` holds already.

    Without a value it is discarded for its own reason.
    """
    if experiment.value is None:
        return Decision(Action.DISCARD, experiment.failure or "there is no score")
    return _ruled(evidence, rules)


def prospect(value: float, evidence: Evidence, rules: Rules) -> Action:
    """What would come after a run of this value."""
    return _ruled(evidence.and_then(value), rules).action


def _ruled(evidence: Evidence, rules: Rules) -> Decision:
    if rules.rule == "greedy":
        return keep_any_gain(evidence, rules)
    ruling = judge(evidence.candidate, evidence.best, evidence.night, rules)
    if not ruling.action.final:
        return ruling
    return replace(ruling, reason=f"{evidence.value:.6f}, {ruling.reason}")
