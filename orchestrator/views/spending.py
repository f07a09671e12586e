"""What the model costs and whether it is there, in words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.records import Action, Entry, Spent, Usage
from orchestrator.text import sanitise_line

REASON_CHARACTERS = 300


def cost(spent: Spent | Usage) -> str:
    """Such as `41,200 tokens, $0.32`; without dollars where no price is known."""
    return f"{spent.tokens:,} tokens" + ("" if spent.dollars is None else f", {dollars(spent.dollars)}")


def dollars(amount: float) -> str:
    """With cents, and few of them with hundredths, so that one cheap request is not nothing."""
    return f"${amount:.4f}" if 0 < amount < 0.1 else f"${amount:,.2f}"


def duration(seconds: float) -> str:
    """Such as `45 s`, `12 min` or `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def model_line(spent: Spent, entries: Sequence[Entry], outages: int, away_seconds: float) -> str:
    """One line on the model's part in a run; empty when it was never asked."""
    if not (spent.requests or outages):
        return ""
    plural = "" if spent.requests == 1 else "s"
    told = f"model: {spent.requests:,} request{plural}, {cost(spent)}{_per_keep(spent, entries)}"
    if not outages:
        return told
    times = "once" if outages == 1 else f"{outages} times"
    return f"{told}; away {times}, {duration(away_seconds)}"


def _per_keep(spent: Spent, entries: Sequence[Entry]) -> str:
    """The baseline is kept, and no gain."""
    keeps = sum(entry.action is Action.KEEP for entry in entries) - 1
    if keeps < 1:
        return ""
    tokens = round(spent.tokens / keeps)
    each = f"{tokens:,} tokens" if spent.dollars is None else dollars(spent.dollars / keeps)
    return f" ({each} per keep)"


def model_news(event: str, fields: dict[str, Any]) -> str:
    """What to say of an event of the model; empty for one that needs no word."""
    match event:
        case "model_went_away":
            reason = sanitise_line(f"{fields['reason']}", REASON_CHARACTERS)
            wait = duration(fields["retry_seconds"])
            return f"the model went away: {reason}; the tuner proposes, and it is asked again in {wait}"
        case "model_came_back":
            away, count = duration(fields["away_seconds"]), fields["proposals"]
            return f"the model is back after {away}; the tuner made {count} proposal{'s' * (count != 1)}"
        case "model_budget_spent":
            after = "the tuner goes on" if fields["when_spent"] == "tuner" else "the run ends"
            return f"the model's budget of this start is spent ({fields['cap']}): {after}"
    return ""
