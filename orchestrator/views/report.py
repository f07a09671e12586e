"""report.html: one file that needs nothing else, not even a script, and begins with the answer.

Every text that reaches the page is made safe on its way, whatever the template forgets, and then escaped.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestrator.story import Story
from orchestrator.text import sanitise_block, sanitise_line
from orchestrator.views.answer import answer, costs, duration, needs
from orchestrator.views.chart import DARK, LIGHT, NARROW, draw_progress
from orchestrator.views.page import OPEN_DIFFS, DiffOf, build_page, outcome_of, summary_of

LONGEST_TEXT = 1 << 18
TITLE = 200
REASON = 600


@dataclass(frozen=True, slots=True)
class Report:
    """The two files of a report."""

    html: bytes
    progress_png: bytes


def make_report(story: Story, diff_of: DiffOf, *, folder: str = "") -> Report:
    """The report of a story; `folder` is how a person names the run's, for the commands at its end."""
    pictures = {
        "wide": draw_progress(story),
        "wide_dark": draw_progress(story, palette=DARK),
        "narrow": draw_progress(story, palette=LIGHT, shape=NARROW),
        "narrow_dark": draw_progress(story, palette=DARK, shape=NARROW),
    }
    page = (
        _environment()
        .get_template("report.html")
        .render(
            story=story,
            page=build_page(story, diff_of),
            answer=answer(story),
            needs=needs(story),
            pictures={name: _data_uri(png) for name, png in pictures.items()},
            open_diffs=OPEN_DIFFS,
            folder=folder,
        )
    )
    return Report(page.encode(), pictures["wide"])


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_made_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        title=partial(sanitise_line, limit=TITLE),
        reason=partial(sanitise_line, limit=REASON),
        duration=duration,
        clock=_clock,
        costs=lambda usage: ", ".join(costs(usage)),
        outcome=outcome_of,
        summary=summary_of,
    )
    return environment


def _made_safe(value: Any) -> Any:
    return value if isinstance(value, Markup) else sanitise_block(str(value), LONGEST_TEXT)


def _clock(time: datetime | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""


def _data_uri(png: bytes) -> Markup:
    return Markup("data:image/png;base64,") + Markup(base64.b64encode(png).decode())  # noqa: S704 - our own picture
