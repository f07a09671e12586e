"""What the live screen says, from its scene and the clocks; and the scene, from what watchers are told."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest

from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Direction,
    Entry,
    Experiment,
    History,
    Measure,
    Outcome,
    Proposal,
    Run,
    Score,
    Spent,
    Verdict,
)
from orchestrator.views.live import Passed, Stage
from orchestrator.views.live_lines import drawn
from orchestrator.views.live_scene import CardSeen, Coming, Mark, Moment, OnCard, Scene, Standing, Terms
from orchestrator.views.live_terminal import ASCII, Room, is_live
from tests.lab_parts import completed

TERMS = Terms(300.0, "a card", Measure())
LATER = Moment(100.0)
WIDE = Room(120, 40)
KEEP = Decision(Action.KEEP, "0.1 better")
CARD = {"celsius": {"before": 40, "after": 61}, "used_mib": {"before": 3, "after": 412}}


def said(scene: Scene, moment: Moment = LATER, terms: Terms = TERMS, room: Room = WIDE) -> list[str]:
    return [line.plain for line in drawn(scene, moment, terms, room)]


def line(label: str, scene: Scene, moment: Moment = LATER, **changed: object) -> str:
    """The one line with that label."""
    terms = replace(TERMS, **changed)  # type: ignore[arg-type]
    return next(each for each in said(scene, moment, terms) if each.startswith(label))


def attempt(number: int, title: str = "an idea") -> Attempt:
    return Attempt(number, Proposal(title, {}), {}, seed=7)


def entry(number: int, value: float | None, action: Action = Action.DISCARD) -> Entry:
    status = "scored" if value is not None else "crashed"
    return Entry(number, "t", "", "s", action, status, value, "", "c" * 40, {}, train_seconds=300.0)


def marks(*values: float | None, direction: Direction = Direction.MINIMIZE) -> str:
    scene = Scene(standing=Standing(marks=tuple(Mark(value, kept=False) for value in values)))
    return line("scores", scene, measure=Measure(direction=direction))[8:]


def test_the_countdown_follows_the_time_since_the_word_to_go() -> None:
    scene = Scene(OnCard(7, "an idea", since=0.0, seed=3))
    bar = line("trains", scene, Moment(now=250.0, went=25.0))
    assert bar == "trains  " + "━" * 30 + "─" * 10 + "  75 s left of 300 s, seed 3"
    assert "time is up" in line("trains", scene, Moment(now=330.0, went=25.0))


def test_before_the_word_to_go_nothing_is_counted_down() -> None:
    scene = Scene(OnCard(7, "an idea", since=90.0, seed=3))
    assert line("waits", scene) == "waits   for a clean container and card, 10 s"


def test_while_it_is_scored_the_training_is_said_as_it_was_measured() -> None:
    scene = Scene(OnCard(7, "an idea", since=95.0, seed=3, trained_seconds=299.25))
    assert line("scoring", scene) == "scoring for 5 s, after 299.2 s of training"


def test_the_sparkline_is_as_high_as_each_value_and_a_dot_without_one() -> None:
    assert marks(2.0, None, 1.0, 1.5) == "█.▁▅  best 1.000000, to 2.000000"


def test_one_value_far_off_leaves_the_others_their_shape() -> None:
    values = [1.0, 1.1, 1.2, 1.3, 1.2, 1.1, 1.0, 1.1, 1.2, 1.3, 1.2, 900.0]
    assert marks(*values).startswith("▁▃▆█▆▃▁▃▆█▆█  best 1.000000, to 1.300000")


def test_where_higher_is_better_the_best_is_the_highest() -> None:
    assert marks(0.5, 0.75, 1.0, direction=Direction.MAXIMIZE) == "▁▅█  best 1.000000, to 0.500000"


def test_no_score_is_no_sparkline() -> None:
    scene = Scene(standing=Standing(marks=(Mark(None, kept=False),)))
    assert not any(each.startswith("scores") for each in said(scene))


@pytest.mark.parametrize(
    ("seen", "memory", "told"),
    [
        (None, 0, "card    a card"),
        (None, 81_559, "card    a card, 81,559 MiB"),
        (CardSeen(61, 412), 81_559, "card    a card, 81,559 MiB, 61 °C, 412 MiB in use after the last run"),
        (CardSeen(None, 412), 0, "card    a card, 412 MiB in use after the last run"),
        (CardSeen(0, 0), 0, "card    a card, 0 °C, 0 MiB in use after the last run"),
    ],
)
def test_of_the_card_only_what_is_known_is_said(seen: CardSeen | None, memory: int, told: str) -> None:
    assert line("card", Scene(card=seen), memory_mib=memory) == told


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (Moment(0.0, slots_left=1.0), ["left    1 experiment after this one"]),
        (Moment(0.0, seconds_left=3600.0 * 7.5), ["left    7.5 h"]),
        (Moment(0.0, slots_left=0.0, seconds_left=90.0), ["left    0 experiments after this one, 90 s"]),
        (Moment(0.0, slots_left=math.inf, seconds_left=math.inf), []),
    ],
)
def test_what_is_left_is_said_where_there_is_a_limit(moment: Moment, told: list[str]) -> None:
    assert [each for each in said(Scene(), moment) if each.startswith("left")] == told


def test_money_is_said_only_of_a_model_that_was_asked() -> None:
    standing = Standing(train_seconds=600.0)
    assert line("spent", Scene(standing=standing)) == "spent   10 min of training"
    spent = Spent(3, 41_200, 0.32)
    told = line("spent", Scene(standing=standing, spent=spent))
    assert told == "spent   10 min of training, 3 requests, 41,200 tokens, $0.32"


def test_the_best_is_said_with_the_baseline_and_the_measured_noise() -> None:
    entries = (entry(1, 2.0, Action.KEEP), entry(2, 1.5, Action.KEEP), entry(3, None))
    stage = Stage(TERMS, lambda: History({}, 1.5, entries, noise=0.0021), print)
    assert line("best", stage.scene) == (
        "best    baseline 2.000000, best 1.500000 bits per byte (25.00% lower), 1 kept of 2; "
        "noise 0.002100 (sd of a run)"
    )


def test_a_terminal_without_the_letters_gets_plain_ones() -> None:
    scene = Scene(OnCard(7, "a", 0.0, 3), standing=Standing(marks=(Mark(1.0, kept=True),)))
    text = "".join(said(scene, Moment(150.0, went=0.0), room=Room(80, 24, ASCII)))
    assert text.isascii()


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 24])
def test_there_are_never_more_lines_than_rows(rows: int) -> None:
    scene = Scene(OnCard(7, "a", 0.0, 3), Coming("ready", 0.0, 8, "b"), decisions=((6, KEEP),))
    assert len(said(scene, room=Room(5, rows))) <= max(rows - 1, 1)


class Told:
    """A stage over an empty history, and what it said of closed attempts."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.stage = Stage(TERMS, lambda: History({}, None), lambda text: self.rows.append(text.plain))

    @property
    def coming(self) -> str:
        coming = self.stage.scene.coming
        return f"{coming.number} {coming.words}" if coming else ""


def test_the_next_attempt_is_asked_for_opened_ready_and_then_on_the_card() -> None:
    told = Told()
    said_then = []
    for happens in (
        lambda: told.stage.proposing("openai:gpt-5"),
        lambda: told.stage.opened(attempt(8)),
        lambda: Passed(told.stage).review(attempt(7)),
        lambda: Passed(told.stage).review(attempt(8)),
        lambda: told.stage.training(attempt(8)),
    ):
        happens()
        said_then.append(told.coming)
    asked, opened = "0 openai:gpt-5 is asked", "8 opened, under review"
    assert said_then == [asked, opened, opened, "8 ready", ""]
    assert told.stage.scene.on_card is not None
    assert told.stage.scene.on_card.number == 8


def test_a_refused_attempt_is_one_row_and_leaves_the_one_on_the_card() -> None:
    told = Told()
    told.stage.training(attempt(7))
    told.stage.opened(attempt(8))
    told.stage.closed(Experiment(attempt(8), Verdict()), Decision(Action.DISCARD, "refused: no"))
    assert told.coming == ""
    assert told.stage.scene.on_card is not None
    assert told.rows == ["0008  discard                     an idea  refused: no"]


def test_a_second_run_says_why_and_a_number_of_the_candidates_own_is_named_so() -> None:
    told = Told()
    run = completed(attempt(7))
    experiment = Experiment(attempt(7), Verdict(), run, Score(1.5, verified=False))
    told.stage.training(attempt(7))
    told.stage.measured(experiment, Decision(Action.REPEAT, "too close"))
    told.stage.training(attempt(7))
    assert line("again", told.stage.scene) == "again   0007 1.500000; once more: too close"
    told.stage.closed(experiment, KEEP)
    assert told.rows[0].startswith("0007  keep (self-reported)")
    assert told.stage.scene.on_card is None


def test_the_card_is_as_the_last_run_left_it_crashed_or_not() -> None:
    told = Told()
    crashed = Run("run", Outcome.CRASHED, 1.0, reason="x", container=CARD)
    told.stage.closed(Experiment(attempt(1), Verdict(), crashed), KEEP)
    assert told.stage.scene.card == CardSeen(61, 412)
    told.stage.closed(Experiment(attempt(2), Verdict(), completed(attempt(2))), KEEP)
    assert told.stage.scene.card == CardSeen(61, 412), "a run without a look says nothing new"


def test_two_threads_that_tell_at_once_lose_nothing_of_each_other() -> None:
    told = Told()

    def loop() -> None:
        for number in range(1, 1500):
            told.stage.training(attempt(number))
            told.stage.scoring(attempt(number), completed(attempt(number)))

    def background() -> None:
        for number in range(10_001, 11_500):
            told.stage.opened(attempt(number))
            told.stage.passed(attempt(number))
            assert told.coming == f"{number} ready"

    failures: list[BaseException] = []

    def caught(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except AssertionError as error:
                failures.append(error)

        return run

    threads = [Thread(target=caught(work)) for work in (loop, background)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    on_card = told.stage.scene.on_card
    assert on_card is not None
    assert (on_card.number, on_card.trained_seconds, told.coming) == (1499, 1.0, "11499 ready")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "live"),
    [
        (Screen(), {"TERM": "xterm"}, True),
        (Screen(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Screen(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Screen(), {"TERM": "xterm", "CI": "true"}, False),
        (Screen(), {"TERM": "dumb"}, False),
        (Screen(), {}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_the_screen_is_for_a_terminal_where_nobody_wants_plain_lines(
    stream: io.StringIO, environment: dict[str, str], *, live: bool
) -> None:
    assert is_live(stream, environment) is live
