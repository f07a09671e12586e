"""How long the model was away, from the events alone, however the night ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.outages import Outages
from orchestrator.ledger.reading import read_run
from tests.ledger.ledger_parts import ORIGIN

START = datetime(2026, 11, 25, tzinfo=UTC)


def at(minute: float, event: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, "time": (START + timedelta(minutes=minute)).isoformat(), **fields}


WENT, CAME = "model_went_away", "model_came_back"


@pytest.mark.parametrize(
    ("events", "count", "minutes", "away"),
    [
        ([at(0, "night_began"), at(9, "night_ended")], 0, 0, False),
        ([at(1, WENT), at(4, CAME, away_seconds=170.4), at(9, "night_ended")], 1, 2.84, False),
        (
            [at(1, WENT), at(2, CAME, away_seconds=60), at(5, WENT), at(7, CAME, away_seconds=120)],
            2,
            3,
            False,
        ),
        ([at(1, WENT), at(3, "attempt_closed")], 1, 2, True),
        ([at(1, WENT), at(3, "attempt_closed"), at(6, "night_ended")], 1, 5, False),
        ([at(1, WENT), at(3, "attempt_closed"), at(600, "run_resumed")], 1, 2, False),
        ([at(1, WENT), at(3, "x"), at(600, "run_resumed"), at(601, WENT), at(602, "x")], 2, 3, True),
        ([at(5, WENT), at(1, "night_ended")], 1, 0, False),
    ],
    ids=[
        "never away",
        "by the clock that nobody sets",
        "twice",
        "still away",
        "away to the night's end",
        "away when killed: until the last event before",
        "away again after the kill",
        "a wall clock that jumped back",
    ],
)
def test_outages_add_up(events: list[dict[str, Any]], count: int, minutes: float, away: bool) -> None:
    outages = Outages()
    for event in events:
        outages.apply(event)
    assert (outages.count, outages.is_away) == (count, away)
    assert outages.seconds_so_far == pytest.approx(60 * minutes)


def test_a_run_on_disk_tells_its_outages(tmp_path: Path) -> None:
    times = iter(START + timedelta(seconds=n) for n in range(99))
    with GitLedger(tmp_path / "night", ORIGIN, clock=lambda: next(times)) as ledger:
        ledger.record(WENT, reason="500")
        ledger.record("something_happened")
    outages = read_run(tmp_path / "night").outages
    assert (outages.count, outages.seconds_so_far, outages.is_away) == (1, 1.0, True)
