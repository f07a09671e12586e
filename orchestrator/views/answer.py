"""The morning's answer in a sentence or two, and what needs a person: the same in report and webhook."""

from __future__ import annotations

import math
from collections.abc import Iterator

from orchestrator.records import Usage
from orchestrator.story import AttemptStory, Story
from orchestrator.text import sanitise_line
from orchestrator.views.spending import dollars

MOST_NAMED = 5
ALARMS = {
    "device_quarantined": "a device is in quarantine: see to it, then run 'autoresearch reap'",
    "policy_refused": "an edited policy was refused, and the one before stayed in force",
    "model_budget_spent": "the model's budget was spent",
    "records_bound_reached": "the record reached records.max_run_mib: less is kept of what came after",
}


def answer(story: Story) -> str:
    """What came of the run: best against baseline and how sure that is, kept of tried, and what it cost."""
    return f"{_outcome(story)} {_kept(story)}; {spent(story)}."


def _outcome(story: Story) -> str:
    best, baseline = story.best, story.baseline
    if best is None or baseline is None or best.value is None or baseline.value is None:
        return "There is no score yet."
    unit = f" {story.measure.unit}" if story.measure.unit else ""
    reported = "" if best.verified else " (self-reported)"
    if best.number == baseline.number:
        return f"Nothing beat the baseline of {baseline.value:.6f}{unit}{reported}{_own_error(story, best)}."
    gain = abs(best.value - baseline.value)
    share = f" ({gain / abs(baseline.value):.2%})" if baseline.value else ""
    word = "below" if best.value < baseline.value else "above"
    return (
        f"The best is {best.value:.6f}{unit}{reported}, {gain:.6f}{share} {word} the baseline's "
        f"{baseline.value:.6f}{_error_between(story, best, baseline)}."
    )


def _own_error(story: Story, attempt: AttemptStory) -> str:
    error = story.error_of(attempt)
    return f" (± {error:.6f})" if error else ""


def _error_between(story: Story, best: AttemptStory, baseline: AttemptStory) -> str:
    """The standard error of a difference rests on repeats alone: both were scored on the same data."""
    if story.noise is None:
        return "; how much of that is luck is not known, since neither was measured twice"
    runs = (len(best.values), len(baseline.values))
    error = story.noise * math.sqrt(sum(1 / count for count in runs))
    return f", ± {error:.6f} (standard error, from {runs[0]} and {runs[1]} runs)"


def _kept(story: Story) -> str:
    closed = [each for each in story.attempts if each.action is not None and not each.moved_on]
    tried = len(closed) - min(len(story.kept), 1)
    return f"{len(story.improvements)} of {tried} changes were kept"


def spent(story: Story) -> str:
    """Time, tokens and money, as far as they are known."""
    trained = math.fsum(each.train_seconds for each in story.attempts)
    within = f" in {duration(story.seconds)}" if story.sittings else ""
    parts = [f"{duration(trained)} of training{within}"] if trained else []
    return ", ".join([*parts, *costs(story.usage)]) or "time and cost are not on record"


def costs(usage: Usage) -> Iterator[str]:
    """Tokens and dollars in words; nothing where no model was asked."""
    if usage.tokens:
        yield f"{usage.tokens:,} tokens"
    if usage.requests and usage.dollars is not None:
        yield dollars(usage.dollars)


def needs(story: Story) -> tuple[str, ...]:
    """A sentence for each thing that a person has to look at; empty when there is none."""
    return tuple(_needs(story))


def _needs(story: Story) -> Iterator[str]:
    if story.chain and story.chain.problem:
        problem = sanitise_line(story.chain.problem, 300)
        yield f"the record is broken: {problem}; keep the folder as it is and find out who touched it"
    held = [each.number for each in story.attempts if each.held]
    if held:
        yield f"{_named(held)} held: too good to be true before a person has looked"
    happened = [each.event for each in story.happenings]
    for event, sentence in ALARMS.items():
        if count := happened.count(event):
            yield sentence + (f" ({count} times)" if count > 1 else "")
    if happened.count("model_went_away") > happened.count("model_came_back"):
        yield "the model was out of reach and did not come back: look at its endpoint"
    if not story.in_progress and story.sittings and not story.sittings[-1].reason:
        yield "the last start did not end by itself: run it again, and it goes on"


def _named(numbers: list[int]) -> str:
    names = ", ".join(f"{number:04d}" for number in numbers[:MOST_NAMED])
    more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
    return f"attempt {names} is" if len(numbers) == 1 else f"attempts {names}{more} are"


def duration(seconds: float) -> str:
    """Such as `8 h 02 min`, `4 min 10 s` or `19.0 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
