"""The live screen of a night: what watchers are told, folded into one picture that a terminal shows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, TypeVar

from rich.text import Text

from orchestrator.ports import Gate, Watcher
from orchestrator.records import Attempt, Decision, Experiment, History, Run, Verdict
from orchestrator.text import sanitise_line
from orchestrator.views.console import NEXT, Console
from orchestrator.views.live_lines import closed_line, drawn
from orchestrator.views.live_scene import (
    SHOWN_DECISIONS,
    CardSeen,
    Coming,
    Moment,
    OnCard,
    Scene,
    Terms,
    standing_of,
)
from orchestrator.views.live_terminal import Painter, Room, is_live
from orchestrator.views.spending import REASON_CHARACTERS

TITLE_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Front:
    """What a night tells: its watcher, and a gate to be asked last."""

    watcher: Watcher
    gates: tuple[Gate, ...] = ()


@contextmanager
def watching(
    console: Console, terms: Terms, history: Callable[[], History], moment: Callable[[], Moment]
) -> Iterator[Front]:
    """The live screen while open, where the console is a terminal that can show one; else its plain lines.

    `history` is read whenever something was measured, `moment` whenever the screen is drawn.
    """
    stream = console.stream
    if not is_live(stream, os.environ):
        yield Front(console)
        return
    stage = Stage(terms, history, console.print)

    def picture(room: Room) -> list[Text]:
        return drawn(stage.scene, moment(), terms, room)

    with Painter(stream, picture) as painter, console.diverted(painter.put):
        yield Front(stage, (Passed(stage),))


class Stage:
    """The port `Watcher`: keeps the scene, and says one line of each attempt that is closed.

    It is told from two threads and read from a third, which sees whole scenes alone.
    """

    def __init__(self, terms: Terms, history: Callable[[], History], say: Callable[[Text], Any]) -> None:
        self._terms, self._history, self._say = terms, history, say
        self._turn = Lock()
        self.scene = Scene()
        self._take_stock()

    def proposing(self, proposer: str) -> None:
        asked = sanitise_line(proposer, TITLE_CHARACTERS)
        self._change(lambda _: {"coming": Coming(f"{asked} is asked", time.monotonic())})

    def opened(self, attempt: Attempt) -> None:
        coming = Coming("opened, under review", time.monotonic(), attempt.number, _title(attempt))
        self._change(lambda _: {"coming": coming, "spent": attempt.spent})

    def passed(self, attempt: Attempt) -> None:
        """Every gate allows it."""
        self._change(lambda scene: {"coming": _ready(scene.coming, attempt.number)})

    def training(self, attempt: Attempt) -> None:
        begun = OnCard(attempt.number, _title(attempt), time.monotonic(), attempt.seed)
        self._change(
            lambda scene: {
                "on_card": replace(begun, again=scene.on_card.again) if scene.on_card else begun,
                "coming": _but(attempt.number, scene.coming),
            }
        )

    def scoring(self, attempt: Attempt, run: Run) -> None:  # noqa: ARG002 - the port's signature
        self._change(lambda scene: {"on_card": _trained(scene.on_card, run), **_seen(run)})

    def measured(self, experiment: Experiment, decision: Decision) -> None:
        value = "no value" if experiment.value is None else f"{experiment.value:.6f}"
        again = f"{experiment.attempt.name} {value}; {NEXT[decision.action]}: {_reason(decision)}"
        self._change(lambda scene: {"on_card": scene.on_card and replace(scene.on_card, again=again)})
        self._take_stock()

    def closed(self, experiment: Experiment, decision: Decision) -> None:
        number, run = experiment.attempt.number, experiment.run
        self._say(closed_line(experiment, decision))
        self._change(
            lambda scene: {
                "on_card": _but(number, scene.on_card),
                "coming": _but(number, scene.coming),
                "decisions": (*scene.decisions, (number, decision))[-SHOWN_DECISIONS:],
                **(_seen(run) if run else {}),
            }
        )
        self._take_stock()

    def _take_stock(self) -> None:
        standing = standing_of(self._history(), self._terms.measure)
        self._change(lambda _: {"standing": standing})

    def _change(self, change: Callable[[Scene], dict[str, Any]]) -> None:
        with self._turn:
            self.scene = replace(self.scene, **change(self.scene))


class Passed:
    """A gate that allows everything and, asked last, tells the stage that all before it did too."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def review(self, attempt: Attempt) -> Verdict:
        self._stage.passed(attempt)
        return Verdict()


T = TypeVar("T", OnCard, Coming)


def _but(number: int, shown: T | None) -> T | None:
    """What is shown, unless it is that attempt."""
    return None if shown and shown.number == number else shown


def _ready(coming: Coming | None, number: int) -> Coming | None:
    return replace(coming, words="ready") if coming and 0 < coming.number == number else coming


def _trained(on_card: OnCard | None, run: Run) -> OnCard | None:
    return on_card and replace(on_card, trained_seconds=run.train_seconds, since=time.monotonic())


def _seen(run: Run) -> dict[str, CardSeen]:
    """What the watch over the card saw after the run; nothing where it looked at none."""
    celsius, used = (run.container.get(fact, {}).get("after") for fact in ("celsius", "used_mib"))
    return {"card": CardSeen(celsius, used)} if (celsius, used) != (None, None) else {}


def _title(attempt: Attempt) -> str:
    return sanitise_line(attempt.proposal.title, TITLE_CHARACTERS)


def _reason(decision: Decision) -> str:
    return sanitise_line(decision.reason, REASON_CHARACTERS)
