"""The tuner learns from every result, repeats nothing, and beats random search on a known problem."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

from orchestrator.errors import ProposerError
from orchestrator.proposers.constants import edit_constants, read_constants
from orchestrator.proposers.ranges import range_of
from orchestrator.proposers.tuner import ConstantTuner
from orchestrator.records import Action, History, Proposal

from .synthetic import SOURCE, entry, run, true_value

SMALL = "RATE = 0.02\nSTEPS = 20\n\n\ndef main():\n    pass\n"


def history_of(source: str, *entries: tuple[str, float | None]) -> History:
    closed = tuple(
        entry(number, text, value, action=Action.DISCARD)
        for number, (text, value) in enumerate(((source, 2.0), *entries), 1)
    )
    return History({"train.py": source}, 2.0, closed)


def proposals(history: History, seeds: range) -> list[Proposal]:
    return [ConstantTuner(gpu=False, seed=seed).propose(history) for seed in seeds]


def random_search(seed: int) -> Callable[[History], Proposal]:
    """Every constant drawn evenly from its range: what the tuner has to beat."""
    random = np.random.default_rng(seed)
    return lambda history: _drawn(history.best_files["train.py"], random, all_names=True)


def one_at_random(seed: int) -> Callable[[History], Proposal]:
    """One constant of the best source drawn evenly from its range: a stronger opponent."""
    random = np.random.default_rng(seed)
    return lambda history: _drawn(history.best_files["train.py"], random, all_names=False)


def _drawn(source: str, random: np.random.Generator, *, all_names: bool) -> Proposal:
    best = read_constants(source, gpu=False)
    names = sorted(best.constants)
    values = {}
    for name in names if all_names else [names[random.integers(len(names))]]:
        span = range_of(best.constants[name])
        low, high = sorted((span.coordinate(span.low), span.coordinate(span.high)))
        whole = float(random.integers(round(low), round(high) + 1))
        values[name] = span.value(whole if span.whole else random.uniform(low, high))
    return Proposal("random", {"train.py": edit_constants(source, best, values)})


def results(make: Callable[[int], Callable[[History], Proposal]], count: int, seeds: int) -> list[float]:
    """The true value of what each run ended with."""
    ends = [run(make(seed), count, noise=0.005, margin=0.0005, seed=seed) for seed in range(seeds)]
    return [true_value(end.best_files["train.py"]) or 99.0 for end in ends]


def tuner(seed: int) -> Callable[[History], Proposal]:
    return ConstantTuner(gpu=False, seed=seed).propose


def test_it_beats_random_search_within_twenty_proposals() -> None:
    tuned = results(tuner, 20, 12)
    assert statistics.median(tuned) < statistics.median(results(random_search, 20, 12)) - 0.02
    assert statistics.median(tuned) < statistics.median(results(one_at_random, 20, 12))


def test_five_proposals_after_the_baseline_mostly_find_a_true_improvement() -> None:
    better = [value < (true_value(SOURCE) or 0) for value in results(tuner, 5, 40)]
    assert sum(better) >= 24


def test_a_proposal_changes_one_or_two_constants_and_nothing_else_at_first() -> None:
    for proposal in proposals(history_of(SOURCE), range(20)):
        after = read_constants(proposal.files["train.py"], gpu=False)
        before = read_constants(SOURCE, gpu=False)
        changed = [name for name in before.values if after.values[name] != before.values[name]]
        assert 1 <= len(changed) <= 2
        assert after.skeleton == before.skeleton
        assert all(f"{name} " in proposal.title for name in changed)
        assert proposal.hypothesis
        assert proposal.problem == ""


def test_a_title_shows_the_old_and_the_new_value() -> None:
    (proposal,) = proposals(history_of("RATE = 0.02\n"), range(1))
    new = read_constants(proposal.files["train.py"], gpu=False).values["RATE"]
    assert proposal.title == f"RATE 0.02 -> {new}"


def test_the_same_history_and_seed_give_the_same_proposal() -> None:
    history = run(tuner(3), 20, noise=0.005, margin=0.0005, seed=3)
    assert tuner(7)(history) == tuner(7)(history)
    assert tuner(7)(history) != tuner(8)(history)


def test_an_instance_never_proposes_the_same_twice_while_the_first_is_still_running() -> None:
    propose, history = tuner(0), history_of(SOURCE)
    texts = [propose(history).files["train.py"] for _ in range(30)]
    assert len(set(texts)) == 30


def test_nothing_tried_before_is_proposed_again_and_the_end_is_told() -> None:
    source = "DEPTH = 3\nBLOCKS = 3\n"
    history, seen = history_of(source), {source}
    for number in range(2, 10):
        text = tuner(number)(history).files["train.py"]
        assert text not in seen
        seen.add(text)
        closed = entry(number, text, 3.0, action=Action.DISCARD)
        history = History(history.best_files, 2.0, (*history.entries, closed))
    with pytest.raises(ProposerError, match="every configuration") as caught:
        tuner(10)(history)
    assert caught.value.remedy


def test_it_builds_on_the_structure_that_others_left_in_the_best_source() -> None:
    best = SMALL + "# a line by a model\n"
    history = History(
        {"train.py": best},
        1.9,
        (entry(1, SMALL, 2.0, action=Action.KEEP), entry(2, best, 1.9, action=Action.KEEP)),
    )
    assert tuner(0)(history).files["train.py"].endswith("# a line by a model\n")


def test_it_goes_the_other_way_where_one_way_crashed() -> None:
    crashed = tuple((SMALL.replace("0.02", rate), None) for rate in ("0.03", "0.035", "0.04"))
    sources = [p.files["train.py"] for p in proposals(history_of(SMALL, *crashed), range(40))]
    rates = [read_constants(source, gpu=False).values["RATE"] for source in sources]
    assert sum(rate > 0.02 for rate in rates) <= 5
    assert sum(rate < 0.02 for rate in rates) >= 15


def test_a_crash_of_another_structure_says_nothing_about_the_constants() -> None:
    other = SMALL + "import nowhere\n"
    broken = tuple((other.replace("0.02", rate), None) for rate in ("0.03", "0.035", "0.04"))
    sources = [p.files["train.py"] for p in proposals(history_of(SMALL, *broken), range(40))]
    rates = [read_constants(source, gpu=False).values["RATE"] for source in sources]
    assert sum(rate > 0.02 for rate in rates) >= 8


def test_after_many_results_tpe_stays_away_from_where_everything_failed() -> None:
    random = np.random.default_rng(0)
    tried: list[tuple[str, float | None]] = []
    for _ in range(40):
        rate = round(float(0.02 * 2 ** random.uniform(-2, 2)), 5)
        value = None if rate > 0.03 else 2.0 + float(np.log2(rate / 0.01) ** 2)
        tried.append((SMALL.replace("0.02", str(rate)), value))
    sources = [p.files["train.py"] for p in proposals(history_of(SMALL, *tried), range(40))]
    rates = [read_constants(source, gpu=False).values["RATE"] for source in sources]
    assert sum(rate > 0.03 for rate in rates) <= 4


@pytest.mark.parametrize("heads", ["HEADS = 5", "HEAD_CHANNELS = 128"])
def test_heads_go_on_dividing_the_width(heads: str) -> None:
    name = heads.split(" ", maxsplit=1)[0]
    for proposal in proposals(history_of(f"WIDTH = 640\n{heads}\nRATE = 0.1\n"), range(30)):
        values = read_constants(proposal.files["train.py"], gpu=False).values
        assert values["WIDTH"] % values[name] == 0


@pytest.mark.parametrize("source", ["", "x = 1\n", "def main(:\n", "_A = 1\nB = 'x'\n"])
def test_a_source_without_constants_is_an_error_with_a_remedy(source: str) -> None:
    with pytest.raises(ProposerError) as caught:
        tuner(0)(history_of(source))
    assert caught.value.remedy


def test_an_empty_history_is_enough_to_start() -> None:
    assert tuner(0)(History({"train.py": SMALL}, None)).files


def test_a_thousand_results_take_less_than_two_seconds_even_when_none_was_read_before() -> None:
    filler = "\n\ndef f(x):\n    return [x + 1 for _ in range(10)]\n" * 60
    rates = np.random.default_rng(5).uniform(0.01, 0.07, 1000)
    entries = tuple(
        entry(
            number, SOURCE.replace("0.02", str(rate)) + filler, 2.0 + abs(rate - 0.03), action=Action.DISCARD
        )
        for number, rate in enumerate(rates, 1)
    )
    history = History({"train.py": SOURCE + filler + "\n"}, 2.0, entries)
    read_constants.cache_clear()
    started = time.process_time()
    assert ConstantTuner(gpu=False, seed=0).propose(history).files
    assert time.process_time() - started < 2


def test_it_is_silent() -> None:
    program = (
        "from orchestrator.proposers.tuner import ConstantTuner\n"
        "from orchestrator.records import Action, Entry, History\n"
        "text = 'RATE = 0.02\\n'\n"
        "new = lambda n: Entry(n, 't', '', 'x', Action.KEEP, 'scored', 2.0 + n / 99, '', 'c',\n"
        "    {'train.py': f'RATE = {0.01 + n / 1000}\\n'})\n"
        "past = History({'train.py': text}, 2.0, tuple(new(n) for n in range(1, 30)))\n"
        "assert all(ConstantTuner(gpu=False, seed=s).propose(past).files for s in range(4))\n"
    )
    command = [sys.executable, "-W", "always", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
