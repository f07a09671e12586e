"""What people look at: hostile text that cannot move the cursor, and streams that end or cannot write."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Entry,
    Experiment,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Verdict,
)
from orchestrator.text import sanitise_line
from orchestrator.views.console import Console, best_line
from orchestrator.views.journal import Journal

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 one\ntwo\r\nthree\x85four\u2028five "
    "\u202egnp.exe\u2066 \u200bzero \x00\x9b31m [red]x[/red]"
)


ROOT = Path(__file__).parents[1]


def entry(
    number: int,
    value: float | None,
    action: Action = Action.DISCARD,
    title: str = "a title",
    reason: str = "",
) -> Entry:
    status = "scored" if value is not None else "crashed"
    return Entry(number, title, "", "scripted", action, status, value, reason, commit="c" * 40, files={})


def attempt(title: str = HOSTILE) -> Attempt:
    return Attempt(1, Proposal(title, {}), {}, seed=3)


def shown(tell: Callable[[Console], None]) -> str:
    stream = io.StringIO()
    tell(Console(stream))
    return stream.getvalue()


def tell_everything(console: Console, text: str = HOSTILE) -> None:
    run = Run("run", Outcome.CRASHED, 1.0, reason=text)
    console.opened(attempt(text))
    console.training(attempt(text))
    console.scoring(attempt(text), run)
    console.closed(Experiment(attempt(text), Verdict(), run), Decision(Action.DISCARD, text))
    console.history([entry(1, None, title=text, reason=text)])


def test_hostile_text_looks_exactly_like_its_harmless_letters() -> None:
    text = shown(tell_everything)
    assert text == shown(lambda console: tell_everything(console, sanitise_line(HOSTILE, 300)))
    assert len(text.splitlines()) == len(text.split("\n")) - 1
    assert all(line.isprintable() for line in text.splitlines())
    assert "[red]x[/red]" in text, "markup is text"


def test_a_line_of_ours_has_no_control_characters_whoever_forgot_to_take_them_out() -> None:
    assert shown(lambda console: console.say("a\x1b[2Jb\x07\n  c")) == "ab\n  c\n"


def test_a_title_in_the_table_is_short_however_long_it_is() -> None:
    text = shown(lambda console: console.history([entry(1, 1.5, title="word " * 500)]))
    assert text.count("word") <= 12


def test_a_claim_beyond_all_measure_is_one_short_line() -> None:
    result = ResultFile({}, {"steps": 1e308}, "a", "b", 1)
    run = Run("run", Outcome.COMPLETED, 1.0, result=result)
    assert len(shown(lambda console: console.scoring(attempt("a"), run))) < 80


class Gone(io.StringIO):
    """A stream whose reader went away."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, _: str) -> int:
        raise self._error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device")])
def test_a_stream_that_takes_nothing_more_is_no_error(error: Exception) -> None:
    tell_everything(Console(Gone(error)))


@pytest.mark.parametrize("words", [["policy", "schema"], ["policy", "explain", "policies/demo.yaml"]])
def test_output_that_a_full_disk_lost_is_an_error_at_the_end(words: list[str]) -> None:
    command = [sys.executable, "-m", "orchestrator", *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("autoresearch: the output could not be written: No space left on device\n")


def test_letters_that_the_stream_does_not_know_are_no_error() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    console = Console(stream)
    console.say("weiß — …")
    console.history([entry(1, 1.5, title="größer", reason="x")])
    stream.flush()
    assert b"wei" in raw.getvalue()
    assert b"gr" in raw.getvalue()


def test_a_pipe_that_is_closed_ends_the_output_and_not_the_program(tmp_path: Path) -> None:
    program = (
        "from orchestrator.views.console import Console\n"
        "console = Console()\n"
        "for number in range(1000): console.say(f'line {number} ' + 'x' * 1000)\n"
        f"open({str(tmp_path / 'went-on')!r}, 'w').close()\n"
    )
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([sys.executable, "-c", program], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (tmp_path / "went-on").exists()
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("title", [HOSTILE, "half \ud800"])
def test_the_journal_is_one_line_of_plain_ascii_for_each_fact(title: str) -> None:
    stream = io.StringIO()
    journal = Journal(stream)
    journal.opened(attempt(title))
    journal.closed(
        Experiment(attempt(title), Verdict((Objection("x", title),))), Decision(Action.DISCARD, title)
    )
    lines = stream.getvalue().split("\n")
    assert len(lines) == 3
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_a_decision_is_shown_with_its_reason() -> None:
    run = Run("run", Outcome.COMPLETED, 1.0, result=ResultFile({}, {}, "a", "b", 1))
    experiment = Experiment(attempt("a"), Verdict(), run, Score(1.25))
    text = shown(lambda console: console.closed(experiment, Decision(Action.KEEP, "baseline")))
    assert text.strip() == "0001  keep: baseline"


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ([], "no score yet"),
        ([entry(1, None)], "no score yet"),
        ([entry(1, 2.0, Action.KEEP)], "baseline 2.000000, best 2.000000 bpb (not beaten), 0 kept of 0"),
        (
            [entry(1, 2.0, Action.KEEP), entry(2, 3.0), entry(3, 1.5, Action.KEEP), entry(4, None)],
            "baseline 2.000000, best 1.500000 bpb (25.00% lower), 1 kept of 3",
        ),
    ],
)
def test_the_last_line_says_how_far_the_night_got(entries: list[Entry], line: str) -> None:
    assert best_line(entries, "bpb") == line
