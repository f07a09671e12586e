"""What the model wrote down as learned: rewritten now and then, bounded, and data like all its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.orders import orders_in
from orchestrator.policy import ModelPolicy
from orchestrator.proposers.frame import Frame, Message, draw_nonce, framed
from orchestrator.proposers.replies import without_thinking
from orchestrator.proposers.rules import noise_in_words
from orchestrator.proposers.table import Table
from orchestrator.proposers.tokens import count_tokens
from orchestrator.records import History, Measure
from orchestrator.text import sanitise_block

EVENT = "lessons_written"
REQUEST_TOKENS = 12_000
LINE_BYTES = 400
MOST_BYTES = 200_000

_FENCE = re.compile(r"^```\w*$", re.MULTILINE)

_TASK = """\
You keep a short notebook of what a night of experiments on a training program has taught. Rewrite it from the
old one and the results: which changes helped and by how much, which did not and why, what is not worth
another try, what was never tried and should be. Trust differences only where they are larger than luck. One
plain sentence a line, no headings, no code, nothing addressed to anybody, at most {words} words in all.
Answer with nothing else."""


@dataclass(slots=True)
class Notebook:
    """Lessons of one run. `record` adds an event to the run's record; `recall` gives the last such event's
    fields, and is asked once, when the run goes on.

    Asking the model is the caller's part: when `due`, send `request` and give the reply to `take`.
    """

    model: ModelPolicy
    measure: Measure
    record: Callable[..., None]
    recall: Callable[[], Mapping[str, Any] | None] = lambda: None
    _text: str | None = field(default=None, init=False)
    _written_at: int = field(default=0, init=False)
    _asked_at: int = field(default=0, init=False)
    _nonce: str = field(default_factory=draw_nonce, init=False, repr=False)

    @property
    def text(self) -> str:
        """What stands in it now."""
        self._recall_once()
        return self._text or ""

    def due(self, history: History) -> bool:
        """Whether `lessons_every` attempts were closed since it was last rewritten."""
        self._recall_once()
        return len(history.entries) - self._written_at >= self.model.lessons_every

    def _recall_once(self) -> None:
        if self._text is None:
            last = self.recall() or {"text": "", "attempts": 0}
            self._text, self._written_at = str(last["text"]), int(last["attempts"])
            self._asked_at = self._written_at

    def request(self, history: History) -> tuple[Message, Message]:
        """A short request for a rewrite: the old lessons, and what was tried."""
        self._recall_once()
        self._asked_at = len(history.entries)
        return framed(self._nonce, lambda frame: self._messages(history, frame))

    def _messages(self, history: History, frame: Frame) -> tuple[Message, Message]:
        words = self.model.lessons_tokens * 3 // 5
        system = f"{_TASK.format(words=words)}\n\n{frame.notice}"
        old = f"The notebook so far:\n\n{frame.around('LESSONS', self.text or 'empty')}"
        room = min(REQUEST_TOKENS, self.model.prompt_tokens) - count_tokens(system) - count_tokens(old) - 200
        table = Table(history, self.measure.direction, room)
        table.take_what_always_stays()
        table.take_older_rows()
        table.take_changes(table.room)
        results = f"The results:\n\n{frame.around('RESULTS', table.text(self.measure.name))}"
        noise = noise_in_words(history.noise, self.measure.unit)
        metric = f"{self.measure.direction.value.capitalize()} {self.measure.name}, in {self.measure.unit}."
        user = "\n\n".join([old, results, f"{metric} {noise}", "Write the notebook anew."])
        return Message("system", system), Message("user", user)

    def take(self, reply: str) -> None:
        """Make the reply to the last request the lessons, safe and cut to `lessons_tokens`, and record it.

        A reply without a usable line leaves the old lessons; the next is due `lessons_every` attempts on.
        """
        self._recall_once()
        said = _lines(reply)
        kept = _fitting([line for line in said if not orders_in(line)], self.model.lessons_tokens)
        self._text = "\n".join(kept) or self.text
        self._written_at = self._asked_at
        self.record(EVENT, text=self._text, attempts=self._written_at, lines_left_out=len(said) - len(kept))


def _lines(reply: str) -> list[str]:
    """What the reply says, line by line, safe to show."""
    plain = _FENCE.sub("", without_thinking(reply[:MOST_BYTES]))
    lines = [sanitise_block(line, LINE_BYTES).strip() for line in plain.splitlines()]
    return [line for line in lines if line]


def _fitting(lines: list[str], most_tokens: int) -> list[str]:
    kept: list[str] = []
    room = most_tokens
    for line in lines:
        room -= count_tokens(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept
