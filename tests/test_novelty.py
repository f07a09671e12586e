"""The same files are found again, and the same idea in other words; an honest other edit is neither."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import pytest

from orchestrator.novelty import KIN_SHARE, kin, twin
from orchestrator.records import Action, Entry, History, Underway
from tests.proposers.edits_of_a_night import CONSTANTS, SOURCE, STRUCTURAL, Edit, edits, night

BASE = {"train.py": SOURCE}


def entry(number: int, source: str, base: int = 1) -> Entry:
    return Entry(
        number,
        f"edit {number}",
        "",
        "m",
        Action.DISCARD,
        "scored",
        2.0,
        "",
        "c",
        {"train.py": source},
        base=base,
    )


def tried(*sources: str) -> History:
    baseline = replace(entry(1, SOURCE, base=0), action=Action.KEEP)
    others = [entry(number, source) for number, source in enumerate(sources, 2)]
    return History(BASE, 2.0, (baseline, *others), best_number=1)


def share_of(one: str, other: str) -> float:
    """How much the change to `other` is one with the change to `one`; both begin at the task's own source."""
    found = kin(tried(one), BASE, {"train.py": other}, threshold=0.0)
    return found.share if found else 0.0


def ideas() -> list[Edit]:
    return list(edits())


def test_files_that_were_tried_are_found_whatever_they_were_called() -> None:
    past = tried(SOURCE + "A = 1\n", SOURCE + "B = 1\n")
    found = twin(past, {"train.py": SOURCE + "B = 1\n"})
    assert found is past.entries[2]
    assert twin(past, {"train.py": SOURCE + "C = 1\n"}) is None
    assert twin(past, {"train.py": SOURCE, "other.py": ""}) is None


def test_of_several_twins_the_first_is_told() -> None:
    found = twin(tried("A = 1\n", "A = 1\n"), {"train.py": "A = 1\n"})
    assert found is not None
    assert found.number == 2


def test_an_open_attempt_is_a_twin_too() -> None:
    open_one = Underway(9, "wider", "", {"train.py": "A = 1\n"})
    assert twin(replace(tried(), underway=(open_one,)), {"train.py": "A = 1\n"}) is open_one


@dataclass(frozen=True, eq=False)
class Digested(Mapping[str, str]):
    """Files that know their digest, and count how often they are read."""

    digest: int
    reads: list[int]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and hash(tuple(sorted(other.items()))) == self.digest

    def __hash__(self) -> int:
        return self.digest

    def __getitem__(self, path: str) -> str:
        self.reads.append(1)
        raise KeyError(path)

    def __iter__(self) -> Iterator[str]:
        self.reads.append(1)
        return iter(())

    def __len__(self) -> int:
        return 1


def test_files_that_are_read_only_when_asked_for_are_not_read_for_a_twin() -> None:
    reads: list[int] = []
    texts = [f"A = {number}\n" for number in range(50)]
    entries = tuple(
        replace(entry(n, ""), files=Digested(hash((("train.py", text),)), reads))
        for n, text in enumerate(texts, 1)
    )
    found = twin(History(BASE, 2.0, entries), {"train.py": "A = 30\n"})
    assert found is entries[30]
    assert reads == []


def test_with_10_000_attempts_a_twin_is_found_or_missed_in_less_than_50_milliseconds() -> None:
    past = night(10_000)
    same_length = {"train.py": SOURCE.replace("0.95", "0.96")}
    took = []
    for _ in range(3):
        started = time.thread_time()
        assert twin(past, same_length) is None
        took.append(time.thread_time() - started)
    assert min(took) < 0.05


SWIGLU = next(edit for edit in STRUCTURAL if edit.title == "SwiGLU in the MLP").to(SOURCE)
CLIPPED = next(edit for edit in STRUCTURAL if edit.title.startswith("clip")).to(SOURCE)
SKIPS = next(edit for edit in STRUCTURAL if edit.title.startswith("skips")).to(SOURCE)
PRODUCT = "F.silu(self.gate(x)) * self.up(x)"
CALL = '(group["params"], 1.0)'
SPREAD = '(\n                group["params"],\n                1.0,\n            )'
LAST = "            x = block(x, turn) + 0.1 * first\n"
LAST_IN_TWO = "            x = block(x, turn)\n            x = x + 0.1 * first\n"
SAME_IDEA = {
    "another name": (SWIGLU, SWIGLU.replace("self.gate", "self.lever")),
    "other white space": (SWIGLU, SWIGLU.replace(PRODUCT, "F.silu( self.gate(x) )*self.up(x)")),
    "comments": (SWIGLU, SWIGLU.replace("* self.up(x))", "* self.up(x))  # gated, as in PaLM")),
    "another layout": (CLIPPED, CLIPPED.replace(CALL, SPREAD)),
    "other names in a longer edit": (SKIPS, SKIPS.replace("halves", "saved").replace("place", "index")),
    "a line more": (SKIPS, SKIPS.replace(LAST, LAST_IN_TWO)),
    "one number of many lines": (SKIPS, SKIPS.replace("0.1 * first", "0.2 * first")),
}


@pytest.mark.parametrize("told", SAME_IDEA)
def test_the_same_idea_in_other_words_is_pointed_out(told: str) -> None:
    one, other = SAME_IDEA[told]
    assert one != other
    assert share_of(one, other) >= KIN_SHARE
    found = kin(tried(SOURCE + "X = 1\n", one), BASE, {"train.py": other})
    assert found is not None
    assert (found.number, found.title) == (3, "edit 3")


def test_no_two_honest_edits_of_a_night_are_taken_for_one_idea() -> None:
    shares = {
        (one.title, other.title): share_of(one.to(SOURCE), other.to(SOURCE))
        for one, other in combinations(ideas(), 2)
    }
    assert len(shares) > 2000
    assert max(shares.values()) < KIN_SHARE - 0.1


@pytest.mark.parametrize("constant", CONSTANTS)
def test_another_value_of_the_same_constant_is_another_idea(constant: str) -> None:
    name = constant.partition(" = ")[0]
    one, other = (SOURCE.replace(constant, f"{name} = {value}") for value in CONSTANTS[constant][:2])
    assert one != other != SOURCE
    assert share_of(one, other) == 0.0
    assert share_of(one, one) == 1.0


def test_the_same_structure_with_another_value_of_its_new_constant_is_another_idea() -> None:
    one = SWIGLU.replace("DEPTH = 8", "GATES = 2\nDEPTH = 8")
    assert share_of(one, one.replace("GATES = 2", "GATES = 3")) == 0.0
    assert share_of(one, one.replace("GATES", "LEVERS")) == 1.0


def test_an_idea_is_known_again_on_another_base() -> None:
    wider = SOURCE.replace("WIDTH = 640", "WIDTH = 768")
    past = tried(wider, SWIGLU)
    again = SWIGLU.replace("WIDTH = 640", "WIDTH = 768")
    found = kin(past, {"train.py": wider}, {"train.py": again})
    assert found is not None
    assert found.number == 3


def test_an_open_attempt_is_kin_too() -> None:
    past = replace(tried(), underway=(Underway(9, "gated", "", {"train.py": SWIGLU}),))
    found = kin(past, BASE, {"train.py": SAME_IDEA["another name"][1]})
    assert found is not None
    assert found.number == 9


def test_what_changes_nothing_or_nothing_that_counts_has_no_kin() -> None:
    past = tried(SOURCE + "# a comment\n", SWIGLU)
    assert kin(past, BASE, BASE) is None
    assert kin(past, BASE, {"train.py": SOURCE + "# another\n"}) is None
    assert kin(past, BASE, {"train.py": ""}) is None
