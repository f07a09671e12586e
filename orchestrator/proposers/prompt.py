"""The messages that a model gets: agenda, rules, best source, what was learned, and what is asked for now.

What changes least comes first, so that an endpoint that caches prompts reads again only what is new. Whatever
a candidate or a model wrote stands between delimiters that it cannot forge, is stripped of hidden characters,
and is called data. None of it could do more than mislead the next edit: what is kept is decided by numbers
that the host measured.

When the budget is short, parts go in the order of CUT_FIRST. What is never cut: agenda, rules, reply format,
best source, value, noise, a proposal to mend, and the baseline's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.breadth import KINDS
from orchestrator.errors import ProposerError
from orchestrator.policy import BudgetPolicy, EditPolicy, ModelPolicy
from orchestrator.proposers.frame import Frame, Message, draw_nonce, framed
from orchestrator.proposers.parts import Parts, cost_of, parts_of
from orchestrator.proposers.rules import RuleBook
from orchestrator.proposers.table import Table
from orchestrator.records import History, Measure

CUT_FIRST = (
    "what older attempts changed",
    "rows of older attempts",
    "the kinds tried and what could be combined",
    "the lessons",
    "the last failure",
    "what is under way",
    "rows of recent attempts, near misses and keeps",
)
"""The order in which parts go, and how the prompt names them."""

CHANGES_SHARE = 0.4
"""Of the budget, for what past attempts changed: the rest of a large budget is better left unspent."""

NOTE_TOKENS = 120
TABLE = "RESULTS"
TRIED = "What was tried, in order, each with the lines that it changed in its base:"

REPLY_FORMAT = f"""\
Answer with exactly this, and nothing after it:

TITLE: what changes, in one line
KIND: one of {", ".join(KINDS)}
HYPOTHESIS: why it should better the metric, in one sentence
<path of the file>
<<<<<<< SEARCH
lines copied exactly from the file, enough of them to be found exactly once
=======
the lines that replace them
>>>>>>> REPLACE

Give as many SEARCH/REPLACE blocks as the change needs, each with its path line. To replace a whole file,
write its path on a line and then its whole text in one fenced block. Search text is matched exactly."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages of one request, the tokens that they cost at most, and what was left out, in its order."""

    messages: tuple[Message, Message]
    tokens: int
    cut: tuple[str, ...] = ()
    rows_left_out: int = 0


@dataclass(slots=True)
class _Fitted:
    """What was taken so far, and the names of what was not; the room that is left is the table's."""

    table: Table
    cut: set[str] = field(default_factory=set)

    def take(self, name: str, text: str) -> str:
        cost = cost_of(text)
        if self.cut or cost > self.table.room:  # nothing goes before what is worth less
            self.cut.add(name)
            return ""
        self.table.room -= cost
        return text

    def left_out(self) -> tuple[str, ...]:
        table = self.table
        short = {
            CUT_FIRST[0]: table.changes_left_out,
            CUT_FIRST[1]: table.rows_left_out,
            CUT_FIRST[-1]: table.cut_what_stays,
        }
        cut = self.cut | {name for name, missing in short.items() if missing}
        return tuple(name for name in CUT_FIRST if name in cut)

    def note(self) -> str:
        """What is not shown, in one line; empty when everything is."""
        rows, total = self.table.rows_left_out, len(self.table.history.entries)
        names = self.left_out()
        if not names:
            return ""
        counted = f"; {rows} of {total} rows are not shown" if rows else ""
        return f"Left out for want of room, in this order: {', '.join(names)}{counted}."


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBuilder:
    """Builds the messages of one request from a history; `model.prompt_tokens` bounds them all together."""

    agenda: str
    edit: EditPolicy
    entry_file: str
    entry_points: Mapping[str, int]
    measure: Measure = field(default_factory=Measure)
    budget: BudgetPolicy = field(default_factory=BudgetPolicy)
    model: ModelPolicy = field(default_factory=ModelPolicy)
    device: str = "cpu"
    nonce: str = field(default_factory=draw_nonce, repr=False)

    def messages(self, history: History, lessons: str = "") -> tuple[Message, Message]:
        """The system and the user message. Raises as `build` does."""
        return self.build(history, lessons).messages

    def build(self, history: History, lessons: str = "") -> Prompt:
        """The prompt from a history and the model's own lessons.

        Raises ProposerError when what is never cut does not fit.
        """
        return framed(self.nonce, lambda frame: self._built(history, lessons, frame))

    def _built(self, history: History, lessons: str, frame: Frame) -> Prompt:
        system = self._system(frame)
        parts = parts_of(history, lessons, self.measure, self.model.plateau, frame)
        empty = [system, parts.source, parts.standing, parts.asked, frame.around(TABLE, TRIED)]
        room = self.model.prompt_tokens - NOTE_TOKENS - sum(map(cost_of, empty))
        fitted = _Fitted(Table(history, self.measure.direction, room))
        if room < 0 or not fitted.table.take_what_always_stays():
            raise self._too_small()
        user = self._user(fitted, parts, frame)
        tokens = self.model.prompt_tokens - fitted.table.room
        messages = (Message("system", system), Message("user", user))
        return Prompt(messages, tokens, fitted.left_out(), fitted.table.rows_left_out)

    def _user(self, fitted: _Fitted, parts: Parts, frame: Frame) -> str:
        """Takes parts by their weight and puts them in the order of how seldom they change."""
        underway = fitted.take("what is under way", parts.underway)
        failure = fitted.take("the last failure", parts.failure)
        lessons = fitted.take("the lessons", parts.lessons)
        breadth = fitted.take("the kinds tried and what could be combined", parts.breadth)
        if not fitted.cut:
            fitted.table.take_older_rows()
            fitted.table.take_changes(int(CHANGES_SHARE * self.model.prompt_tokens))
        table = f"{TRIED}\n\n{frame.around(TABLE, fitted.table.text(self.measure.name))}"
        seldom = [parts.source, lessons, table, fitted.note()]
        often = [parts.standing, breadth, underway, failure, parts.asked]
        return "\n\n".join(filter(None, [*seldom, *often]))

    def rules(self) -> str:
        """What is in force, in plain words, one rule a line."""
        return RuleBook(
            edit=self.edit,
            budget=self.budget,
            measure=self.measure,
            entry_file=self.entry_file,
            entry_points=self.entry_points,
            device=self.device,
        ).in_words()

    def _system(self, frame: Frame) -> str:
        return f"""\
You are a researcher who improves a training program by one small, well-reasoned edit at a time.

# The agenda

{self.agenda.strip()}

# The rules

{self.rules()}

# Your reply

{REPLY_FORMAT}

# Data

{frame.notice}"""

    def _too_small(self) -> ProposerError:
        return ProposerError(
            f"the agenda and the best source do not fit into {self.model.prompt_tokens} tokens",
            remedy="raise the policy's model.prompt_tokens, or shorten program.md or the source",
        )
