"""A run as TensorBoard event files, one step an attempt. The only place that knows tensorboardX."""

from __future__ import annotations

from pathlib import Path

from tensorboardX import SummaryWriter

from orchestrator.story import AttemptStory, Story
from orchestrator.text import sanitise_block, sanitise_line


def write_events(story: Story, folder: Path) -> int:
    """Write values, holdout, seconds, best so far, kept flag and texts; how many attempts were written.

    Raises OSError when the folder cannot be written.
    """
    writer = SummaryWriter(logdir=str(folder), flush_secs=3600)
    try:
        best: float | None = None
        for attempt in story.attempts:
            best = attempt.value if attempt.kept else best
            _write(writer, story, attempt, best)
        return len(story.attempts)
    finally:
        writer.close()


def _write(writer: SummaryWriter, story: Story, attempt: AttemptStory, best: float | None) -> None:
    when = attempt.closed_at or attempt.opened_at
    at = {"global_step": attempt.number, "walltime": when.timestamp() if when else 0.0}
    figures = {
        story.measure.name: attempt.value,
        f"{story.measure.name}/best": best,
        f"{story.measure.name}/stderr": story.error_of(attempt) if attempt.value is not None else None,
        f"{story.measure.name}/holdout": attempt.holdout,
        "train_seconds": attempt.train_seconds,
        "runs": len(attempt.runs),
        "kept": float(attempt.kept),
        "tokens": float(attempt.usage.tokens) if attempt.usage.requests else None,
        "dollars": attempt.usage.dollars,
    }
    for name, value in figures.items():
        if value is not None:
            writer.add_scalar(name, value, **at)
    writer.add_text("attempt", _told(attempt), **at)


def _told(attempt: AttemptStory) -> str:
    """Plain text in a Markdown code block: TensorBoard would render the rest."""
    decided = attempt.action.value if attempt.action else "open"
    title, reason = sanitise_line(attempt.title, 200), sanitise_line(attempt.reason, 600)
    text = f"{attempt.number:04d} {title}\n{decided}: {reason}\n{attempt.hypothesis}"
    return "\n".join(f"    {line}" for line in sanitise_block(text, 8192).splitlines())
