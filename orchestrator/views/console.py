"""Plain lines for a person, and tables. All text of candidates and models is made safe first."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, ClassVar

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.records import Action, Attempt, Decision, Entry, Experiment, Run
from orchestrator.text import sanitise_block, sanitise_line
from orchestrator.views.spending import cost

TITLE_WIDTH = 60
_MOST_BYTES = 1 << 30
STYLES = {
    Action.KEEP: "green",
    Action.DISCARD: "dim",
    Action.HOLD: "red",
    Action.REPEAT: "yellow",
    Action.REPEAT_BEST: "yellow",
}
_NOBODY_READS = frozenset({errno.EPIPE, errno.EIO})
NEXT = {Action.REPEAT: "once more", Action.REPEAT_BEST: "the best once more"}


class _Terminal(RichConsole):
    """Goes quiet when its reader went away, where rich would end the program."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):  # else Python fails once more when it ends
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.file.fileno())
            os.close(null)


class Console:
    """Writes lines; a reader that went away is no error. The port `Watcher`.

    What cannot be written stops nobody's work: `lost` says at the end why something is missing.
    """

    lost: ClassVar[OSError | None] = None

    def __init__(self, stream: IO[str] | None = None, *, width: int | None = None) -> None:
        stream = stream or sys.stdout
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal knows every letter
        self.stream = stream
        self._rich = _Terminal(file=stream, highlight=False, soft_wrap=True, width=width)
        self._sink: Callable[[RenderableType], object] = self._rich.print
        self.say_at_once: Callable[[str], object] = say_at_once
        """One line of ours, from a signal handler too."""
        self._began: dict[int, float] = {}

    @contextlib.contextmanager
    def diverted(self, sink: Callable[[RenderableType], object]) -> Iterator[None]:
        """While open, everything that is said goes there and not to the stream; it takes any thread's and a
        signal handler's too."""
        before = self._sink, self.say_at_once
        self._sink, self.say_at_once = sink, lambda line: sink(Text(line, style="yellow"))
        try:
            yield
        finally:
            self._sink, self.say_at_once = before

    def say(self, line: str, style: str = "") -> None:
        """Lines of ours; untrusted text in them was sanitised. Control characters are taken out here too."""
        self.print(Text(sanitise_block(line, _MOST_BYTES), style=style))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
        """A table whose last column takes the room that is left."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            numeric = column in {"value", "seconds", "#"}
            table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric)
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
        self.print(table)

    def proposing(self, proposer: str) -> None:
        if proposer.startswith("openai"):
            self.say(f"      asking {proposer}", "dim")

    def opened(self, attempt: Attempt) -> None:
        self.say(f"{attempt.name}  {sanitise_line(attempt.proposal.title, 100)}", "bold")
        if attempt.proposal.usage.requests:
            asked, so_far = cost(attempt.proposal.usage), cost(attempt.spent)
            self.say(f"{attempt.name}  cost {asked}; so far {so_far}", "dim")

    def training(self, attempt: Attempt) -> None:
        self._began.setdefault(attempt.number, time.monotonic())
        self.say(f"{attempt.name}  training, seed {attempt.seed}", "dim")

    def scoring(self, attempt: Attempt, run: Run) -> None:
        claims = run.result.claims if run.result else {}
        steps = f", {claims['steps']:.10g} steps" if "steps" in claims else ""
        self.say(f"{attempt.name}  trained {run.train_seconds:.1f} s{steps}; scoring", "dim")

    def measured(self, experiment: Experiment, decision: Decision) -> None:
        value = "no value" if experiment.value is None else f"{experiment.value:.6f}"
        reason, name = sanitise_line(decision.reason, 300), experiment.attempt.name
        self.say(f"{name}  {value}; {NEXT[decision.action]}: {reason}", STYLES[decision.action])

    def closed(self, experiment: Experiment, decision: Decision) -> None:
        began = self._began.pop(experiment.attempt.number, None)
        took = f"  ({time.monotonic() - began:.1f} s)" if began else ""
        reason = sanitise_line(decision.reason, 300)
        action = labelled(
            decision.action.value, verified=experiment.score is None or experiment.score.verified
        )
        self.say(f"{experiment.attempt.name}  {action}: {reason}{took}", STYLES[decision.action])

    def history(self, entries: Sequence[Entry]) -> None:
        """The table that a run ends with: one row an attempt."""
        rows = [
            (
                f"{entry.number:04d}",
                "" if entry.value is None else f"{entry.value:.6f}",
                Text(_outcome(entry), style=STYLES[entry.action]),
                f"{entry.train_seconds:.1f}",
                sanitise_line(entry.title, TITLE_WIDTH),
            )
            for entry in entries
        ]
        self.table(("#", "value", "decision", "seconds", "title"), rows)

    def print(self, content: RenderableType) -> None:
        """Anything of ours that rich can show, under the same condition as `say`."""
        with _losing():
            self._sink(content)

    def write(self, text: str) -> None:
        """A text for a program, as it is."""
        with _losing():
            self.stream.write(text)
            self.stream.flush()


@contextlib.contextmanager
def _losing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NOBODY_READS:
            Console.lost = error


def _outcome(entry: Entry) -> str:
    if entry.value is None:
        return sanitise_line(entry.status.replace("_", " "), 40)
    return labelled(entry.action.value, verified=entry.verified)


def labelled(text: str, *, verified: bool) -> str:
    """The text, with a word of warning where its number is only what a candidate says of itself."""
    return text if verified else f"{text} (self-reported)"


def say_at_once(line: str) -> None:
    """One line of ours on standard error, from a signal handler too: it shares no buffer with anybody."""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode())


def best_line(entries: Sequence[Entry], unit: str) -> str:
    """One sentence on where the night ended, against its baseline."""
    kept = [entry for entry in entries if entry.action is Action.KEEP and entry.value is not None]
    if not kept or kept[0].value is None or kept[-1].value is None:
        return "no score yet"
    first, last = kept[0].value, kept[-1].value
    word = "lower" if last < first else "higher"
    share = f"{abs(last - first) / abs(first or 1.0):.2%} {word}" if len(kept) > 1 else "not beaten"
    tried = sum(entry.status != "not run" for entry in entries) - 1
    counts = f"{len(kept) - 1} kept of {tried}"
    best = labelled(f"best {last:.6f} {unit}".rstrip(), verified=kept[-1].verified)
    return f"baseline {first:.6f}, {best} ({share}), {counts}"


def holdout_line(entries: Sequence[Entry], holdouts: Mapping[int, float]) -> str:
    """The last kept attempt on data that decides nothing, and the gap to its value; empty when unknown."""
    values = {entry.number: entry.value for entry in entries if entry.number in holdouts}
    if not values:
        return ""
    gaps = {number: holdouts[number] - value for number, value in values.items() if value is not None}
    first, last = min(gaps), max(gaps)
    told = f"holdout {holdouts[last]:.6f} for attempt {last:04d}, gap {gaps[last]:+.6f}"
    before = f"(attempt {first:04d}: {holdouts[first]:.6f}, gap {gaps[first]:+.6f})"
    return told if first == last else f"{told} {before}"
