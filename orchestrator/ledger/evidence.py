"""What a decision may rest on, from the events of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.deciding.evidence import Evidence, code_lines
from orchestrator.deciding.night import Closed, Night, Sample
from orchestrator.ledger.facts import progress_of
from orchestrator.ledger.state import State
from orchestrator.records import Action, Files


def evidence_of(state: State, files: Mapping[str, Files], number: int | None) -> Evidence:
    """The evidence for attempt `number`, or about the best alone; `files` are those of each commit."""

    def sample(of: int | None) -> Sample:
        if of is None:
            return Sample()
        lines = code_lines(files[state.opened[of]["commit"]])
        return Sample(_losses(state, state.values_of(of)), lines, len(state.runs_of(of)))

    best = state.best_number
    scored = [] if best is None else [event for event in state.runs_of(best) if event["status"] == "scored"]
    progress = progress_of(scored[-1]) if scored else ()
    return Evidence(best, sample(best), sample(number), night_of(state), progress, state.measure.direction)


def night_of(state: State) -> Night:
    """Every closed attempt that has a value, and every best with all of its values, in order.

    One that is held is left out: it is not known to be true, and would say that such gains are to be had.
    """
    kept = [number for number, event in state.closed.items() if event["action"] == Action.KEEP]
    attempts, bests = [], 0
    for number, event in state.closed.items():
        if event["values"] and event["action"] != Action.HOLD:
            best, probability = bests - 1 if bests else None, event["facts"].get("probability")
            attempts.append(Closed(_losses(state, event["values"]), number in kept, probability, best))
        bests += number in kept
    return Night(tuple(attempts), tuple(_losses(state, state.values_of(number)) for number in kept))


def _losses(state: State, values: Iterable[float]) -> tuple[float, ...]:
    return tuple(map(state.measure.direction.loss, values))
