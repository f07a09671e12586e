"""The lines of a live screen, from its scene and the clocks; as many as there is room for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from orchestrator.records import Decision, Experiment
from orchestrator.text import sanitise_line
from orchestrator.views.console import NEXT, STYLES, labelled
from orchestrator.views.live_scene import Coming, Mark, Moment, OnCard, Scene, Terms
from orchestrator.views.live_terminal import Room
from orchestrator.views.spending import cost, duration

LABEL_CELLS = 8
MOST_BAR_CELLS = 40
WORST_SHARE = 0.9


def closed_line(experiment: Experiment, decision: Decision) -> Text:
    """What stays in the scrollback of an attempt; it is cut to one row where it is shown."""
    value = "" if experiment.value is None else f"{experiment.value:.6f}"
    run, score, attempt = experiment.run, experiment.score, experiment.attempt
    seconds = f"{run.train_seconds:.1f} s" if run else ""
    action = labelled(decision.action.value, verified=score is None or score.verified)
    title = sanitise_line(attempt.proposal.title, 100)
    reason = sanitise_line(decision.reason, 300)
    return Text(no_wrap=True).append_tokens(
        [
            (f"{attempt.name}  {action:<7} {value:>9} {seconds:>8}  ", STYLES[decision.action]),
            (title, "bold"),
            (f"  {reason}", "dim"),
        ]
    )


def drawn(scene: Scene, moment: Moment, terms: Terms, room: Room) -> list[Text]:
    """The picture, the least important lines last, as many as there is room for; a row shows as much of each
    as fits."""
    return [Text(), *_lines(scene, moment, terms, room)][: max(room.rows - 2, 1)]


def _lines(scene: Scene, moment: Moment, terms: Terms, room: Room) -> Iterator[Text]:
    yield from _now(scene.on_card, moment, terms, room)
    if scene.coming:
        yield _labelled("next", _coming(scene.coming, moment))
    standing = scene.standing
    noise = "" if standing.noise is None else f"; noise {standing.noise:.6f} (sd of a run)"
    yield _labelled("best", f"{standing.sentence}{noise}", "bold")
    if any(mark.value is not None for mark in standing.marks):
        yield _scores(standing.marks, terms, room)
    yield _labelled("spent", _spent(scene))
    if left := _left(moment):
        yield _labelled("left", left)
    yield _labelled("card", _card(scene, terms))
    for number, decision in reversed(scene.decisions):
        word = NEXT.get(decision.action, decision.action.value)
        reason = sanitise_line(decision.reason, 300)
        yield _labelled(f"{number:04d}", f"{word}: {reason}", STYLES[decision.action])


def _labelled(label: str, content: str, style: str = "") -> Text:
    return Text(no_wrap=True).append(f"{label:<{LABEL_CELLS}}", "dim").append(content, style)


def _now(on_card: OnCard | None, moment: Moment, terms: Terms, room: Room) -> Iterator[Text]:
    if on_card is None:
        yield _labelled("now", "nothing runs yet", "dim")
        return
    yield _labelled(f"{on_card.number:04d}", on_card.title, "bold")
    if on_card.again:
        yield _labelled("again", on_card.again, "yellow")
    if on_card.trained_seconds:
        since = duration(moment.now - on_card.since)
        yield _labelled("scoring", f"for {since}, after {on_card.trained_seconds:.1f} s of training")
    elif moment.went is None:
        yield _labelled("waits", f"for a clean container and card, {duration(moment.now - on_card.since)}")
    else:
        yield _countdown(moment.now - moment.went, terms.train_seconds, on_card.seed, room)


def _countdown(gone: float, whole: float, seed: int, room: Room) -> Text:
    """A bar that fills, and the time that the host's clock still gives."""
    cells = max(min(MOST_BAR_CELLS, room.columns - 40), 5)
    filled = min(math.floor(cells * gone / whole), cells)
    line = _labelled("trains", "").append(room.glyphs.bar * filled, "green")
    line.append(room.glyphs.rest * (cells - filled), "dim")
    left = f"{whole - gone:.0f} s left of {whole:g} s" if gone < whole else "time is up"
    return line.append(f"  {left}, seed {seed}")


def _coming(coming: Coming, moment: Moment) -> str:
    if not coming.number:
        return f"{coming.words}, {duration(moment.now - coming.since)}"
    return f"{coming.number:04d} {coming.words}: {coming.title}"


def _scores(marks: Sequence[Mark], terms: Terms, room: Room) -> Text:
    """A bar for each of the latest attempts, as high as its value; kept ones in green, those without a value
    as a dot. What is far worse than the rest is drawn as high as the worst of the rest."""
    shown = marks[-max(room.columns - 45, 8) :]
    loss = terms.measure.direction.loss
    losses = sorted(loss(mark.value) for mark in shown if mark.value is not None)
    if not losses:
        return _labelled("scores", "none of the latest attempts has one")
    best, worst = loss(losses[0]), loss(losses[math.ceil(WORST_SHARE * (len(losses) - 1))])
    low, high = min(best, worst), max(best, worst)
    line = _labelled("scores", "")
    for mark in shown:
        line.append(_bar(mark.value, low, high, room.glyphs.ramp), "green" if mark.kept else "dim")
    return line.append(f"  best {best:.6f}, to {worst:.6f}")


def _bar(value: float | None, low: float, high: float, ramp: str) -> str:
    if value is None:
        return "."
    share = (value - low) / (high - low) if high > low else 0.0
    return ramp[round(min(max(share, 0.0), 1.0) * (len(ramp) - 1))]


def _spent(scene: Scene) -> str:
    trained = f"{duration(scene.standing.train_seconds)} of training"
    spent = scene.spent
    if not spent.requests:
        return trained
    return f"{trained}, {spent.requests:,} request{'s' * (spent.requests != 1)}, {cost(spent)}"


def _left(moment: Moment) -> str:
    parts = []
    if moment.slots_left < math.inf:
        parts.append(f"{moment.slots_left:.0f} experiment{'s' * (moment.slots_left != 1)} after this one")
    if moment.seconds_left < math.inf:
        parts.append(duration(moment.seconds_left))
    return ", ".join(parts)


def _card(scene: Scene, terms: Terms) -> str:
    seen, memory = scene.card, terms.memory_mib
    facts = [terms.device] + ([f"{memory:,} MiB"] if memory else [])
    if seen is None:
        return ", ".join(facts)
    if seen.celsius is not None:
        facts.append(f"{seen.celsius} °C")
    if seen.used_mib is not None:
        facts.append(f"{seen.used_mib:,} MiB in use")
    return ", ".join(facts) + " after the last run"
