"""What a model is told of a proposal that was refused before it ran, so that it can mend it."""

from __future__ import annotations

from orchestrator.changes import change_between
from orchestrator.proposers.frame import Frame
from orchestrator.proposers.table import quoted, shown_change
from orchestrator.proposers.traces import reason_of, trace_lines
from orchestrator.records import Files, Mend
from orchestrator.text import sanitise_line

HYPOTHESIS_CHARACTERS = 300
CHANGED_LINES = 120


def mend_words(mend: Mend, frame: Frame, base: Files | None = None) -> str:
    """What to mend and why; with `base` the refused change too, for a model that did not make it."""
    proposal = mend.proposal
    change = None if base is None else change_between(base, {**base, **proposal.files})
    lines = [
        f"title: {quoted(proposal.title)}",
        f"hypothesis: {sanitise_line(proposal.hypothesis, HYPOTHESIS_CHARACTERS)}",
        f"reason: {reason_of(mend.reason)}",
        *trace_lines(mend.log),
        *(["what it would have changed:", shown_change(change, CHANGED_LINES)] if change else []),
    ]
    shown = frame.around("REFUSED", "\n".join(lines))
    return f"""\
This proposal was refused before it ran:

{shown}

Mend it. Give the whole change again in the same form as before, as edits of the source given above, not of
your earlier edits."""
