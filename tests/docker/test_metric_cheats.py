"""Each cheat at the metric is refused or worth nothing here, and wins where its own process is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.sandbox.engine import Engine
from tests.docker.cheats import CUTS, Cheat, complaint, load_cheats, parameters
from tests.docker.cheats_bench import PLANTED, CheatBench, open_cheat_bench
from tests.docker.conftest import candidate

pytestmark = pytest.mark.docker

CHEATS = load_cheats()
TRIES = 3  # of one that wins by luck with the cuts, so that it wins once


@pytest.fixture(scope="module")
def bench(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheatBench]:
    with open_cheat_bench(engine, tmp_path_factory.mktemp("metric") / "data") as bench:
        yield bench


@pytest.fixture(scope="module")
def honest(bench: CheatBench) -> float:
    _, score = bench.examine(candidate("honest"), cuts=CUTS)
    assert score is not None
    assert score.value is not None
    return score.value


@pytest.fixture(scope="module")
def believed(bench: CheatBench) -> dict[str, dict[str, Any]]:
    return bench.believed(CHEATS)


def carried(text: str) -> bool:
    """Whether held-out text stands there, plain or in hexadecimal digits."""
    return PLANTED in text or PLANTED[:16].encode().hex() in text


@pytest.mark.parametrize("cheat", parameters(CHEATS))
def test_a_cheat_is_refused_or_worth_nothing(bench: CheatBench, honest: float, cheat: Cheat) -> None:
    for _ in range(TRIES if cheat.wins else 1):
        run, score = bench.examine(cheat.source, cuts=cheat.cuts, deadline=cheat.deadline)
        shown = run.reason + run.log + (score.reason + json.dumps(score.details) if score else "")
        assert not carried(shown), shown
        assert complaint(cheat, run, score, honest) == ""


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.name)
def test_the_same_file_wins_where_its_own_process_is_believed(
    believed: dict[str, dict[str, Any]], cheat: Cheat
) -> None:
    seen = believed[cheat.name]
    if cheat.carries:
        assert carried(seen["words"]), seen
    else:
        assert seen["value"] is not None, seen["words"]
        assert cheat.believed(float(seen["value"]), float(believed["honest"]["value"])), seen


def test_there_are_at_least_forty_and_no_two_try_the_same() -> None:
    assert len(CHEATS) >= 40
    assert len({cheat.tries for cheat in CHEATS}) == len(CHEATS)
