"""A log that was written anew with a correct chain: whatever it holds, looking at it is an error at most."""

from __future__ import annotations

import copy
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import Event
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.index import summary_of
from orchestrator.ledger.shapes import misshapen
from orchestrator.ledger.state import fold
from tests.ledger.ledger_parts import (
    DISCARD,
    ORIGIN,
    chained,
    crashed,
    from_model,
    refused,
    run_night,
    settle,
)

GONE = object()
OTHERS = [GONE, None, 5, -1.5, True, "word", [], [None], {}, {"word": [1]}]
FRAME = {"seq", "prev", "hash", "event"}
DEEPEST = 4
ROOT = Path(__file__).parents[2]
REPLAY = ["policy", "replay", f"{ROOT}/policies/default.yaml", "--task", f"{ROOT}/train_template"]
LOOKS = [["status"], ["audit", "show"], ["audit", "show", "1"], ["audit", "show", "5"], REPLAY]
SLOW_LOOKS = [["audit", "verify"], ["report"], ["export", "--tensorboard", "events"]]
Place = tuple[str | int, ...]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with everything that a log can hold of attempts."""
    folder = tmp_path_factory.mktemp("shapes") / "runs" / "night"
    run_night(folder)
    with GitLedger(folder, ORIGIN) as ledger:
        ledger.record("night_began", proposer="openai:m", gpu={"name": "H100"}, versions={}, image="sha256:1")
        ledger.record("containers_configured", image="sha256:1", train=["--init"], model=[], output=[])
        settle(ledger, refused(ledger.open(from_model(4))), DISCARD)
        settle(ledger, crashed(ledger.open(from_model(5))), DISCARD)
        ledger.record("model_went_away", reason="503", retry_seconds=60)
        ledger.record("model_came_back", away_seconds=1.5, proposals=1)
        ledger.record("night_ended", reason="the time is up")
    return folder


@pytest.fixture(scope="module")
def events(folder: Path) -> list[Event]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Where something stands in an event: every member, and the first of each list."""
    if above:
        yield above
    if len(above) < DEEPEST:
        items: Any = ()
        if isinstance(value, dict):
            items = ((key, item) for key, item in value.items() if above or key not in FRAME)
        elif isinstance(value, list):
            items = enumerate(value[:1])
        for key, item in items:
            yield from places(item, (*above, key))


def with_another(event: Event, place: Place, value: object) -> Event:
    changed = copy.deepcopy(event)
    at: Any = changed
    for key in place[:-1]:
        at = at[key]
    if value is GONE:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return changed


def rewritten(events: list[Event]) -> Iterator[list[Event]]:
    """The events with one thing changed that folding them does not find, one log for each place."""
    seen: set[tuple[str, Place, bool]] = set()
    for number, event in enumerate(events):
        for place in places(event):
            kind = (event["event"], place, bool(event.get("score")))
            if kind in seen:
                continue
            seen.add(kind)
            turns = itertools.islice(itertools.cycle(OTHERS), len(seen), len(seen) + len(OTHERS))
            for other in turns:
                changed = [*events[:number], with_another(event, place, other), *events[number + 1 :]]
                if changed != events and _is_folded(changed):
                    yield changed
                    break


def _is_folded(events: list[Event]) -> bool:
    try:
        fold(events)
    except LedgerError:
        return False
    return True


def test_no_event_and_no_summary_of_a_real_run_is_misshapen(events: list[Event]) -> None:
    assert [misshapen(event) for event in events] == [""] * len(events)
    assert [misshapen(summary_of(event)) for event in events] == [""] * len(events)


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        ("attempt_opened", ("usage", "requests"), "1", "usage.requests: "),
        ("attempt_opened", ("title",), GONE, "title: "),
        ("attempt_measured", ("run", "train_seconds"), None, "run.train_seconds: "),
        ("attempt_measured", ("score", "value"), float("nan"), "score.value: "),
        ("attempt_closed", ("objections",), 3, "objections: "),
        ("attempt_closed", ("action",), "win", "action: "),
        ("night_ended", ("time",), 5, "time: "),
    ],
)
def test_a_field_of_another_kind_is_named(
    events: list[Event], name: str, place: Place, value: object, said: str
) -> None:
    event = next(each for each in events if each["event"] == name)
    assert misshapen(with_another(event, place, value)).startswith(said)


def test_whatever_a_rewritten_log_holds_a_look_at_it_ends_in_an_exit_code(
    folder: Path, events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "runs" / "night")
    log = tmp_path / "runs" / "night" / "audit.jsonl"
    log.with_name("audit.index").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTORESEARCH_RUNS", str(tmp_path / "runs"))
    count = 0
    for count, changed in enumerate(rewritten(events), start=1):
        log.write_text(chained(changed))
        for words in LOOKS if count % 25 else [*LOOKS, *SLOW_LOOKS]:
            shutil.rmtree("events", ignore_errors=True)
            assert main(words) in {0, 1, 2, 6}, words
    assert count > 80
