"""What nearly helped is proposed again without a model: two together, or one on the present best."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import ProposalsExhausted
from orchestrator.proposers.combiner import Combiner
from orchestrator.records import Action, Entry, Files, History

LINES = [f"line {number}\n" for number in range(20)]


def source(**changes: str) -> Files:
    """The template with lines `l3="three"` changed."""
    texts = {int(name[1:]): f"{text}\n" for name, text in changes.items()}
    return {"train.py": "".join(texts.get(number, line) for number, line in enumerate(LINES))}


def entry(number: int, files: Files, value: float, action: Action = Action.DISCARD, base: int = 1) -> Entry:
    title = f"change {number}"
    return Entry(number, title, "", "openai", action, "scored", value, "", f"{number:040x}", files, base=base)


BASELINE = entry(1, source(), 2.0, Action.KEEP, base=0)
KEPT = entry(2, source(l3="three"), 1.8, Action.KEEP)
BETTER = entry(3, source(l9="nine"), 1.9)
WORSE = entry(4, source(l15="fifteen"), 2.4)


def history(*entries: Entry, best: Entry = KEPT, noise: float | None = 0.2) -> History:
    return History(best.files, best.value, (BASELINE, *entries), best_number=best.number, noise=noise)


def test_two_improvements_that_were_kept_apart_are_proposed_together() -> None:
    proposal = Combiner().propose(history(KEPT, BETTER, WORSE))
    assert proposal.files == source(l3="three", l9="nine")
    assert (proposal.proposer, proposal.title) == ("combiner", "0002 change 2 + 0003 change 3")


def test_what_was_tried_together_is_not_proposed_again() -> None:
    tried = entry(5, source(l3="three", l9="nine"), 2.1, base=2)
    with pytest.raises(ProposalsExhausted):
        Combiner().propose(history(KEPT, BETTER, WORSE, tried))


def test_a_near_miss_of_an_earlier_best_is_made_to_the_present_one() -> None:
    near = replace(entry(3, source(l9="nine"), 2.05), title="near \x1b[2J miss")
    proposal = Combiner().propose(history(near, KEPT, WORSE))
    assert proposal.files == source(l3="three", l9="nine")
    assert proposal.title == "0003 near miss, on the present best"


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (KEPT, WORSE),
        (KEPT, entry(3, source(l3="other"), 1.9)),
        (entry(3, source(l9="nine"), 1.85, base=2), KEPT),
    ],
)
def test_where_nothing_fits_together_there_is_no_proposal(entries: tuple[Entry, ...]) -> None:
    with pytest.raises(ProposalsExhausted):
        Combiner().propose(history(*entries))
