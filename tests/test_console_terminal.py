"""The live screen on a real pseudo-terminal, as a person would see it, while a night of doubles runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal import Programme, Terminal

HOSTILE = "\x1b[2J\x1b[5A\x1b]0;owned\x07\x1b[?25l one\r\ntwo\x9b31m\u202e\u200b \u0301wide 漢字 [red]x[/red]"
HARMLESS = "]0;owned one two31m \u0301wide 漢字 [red]x[/red]"
DRAWN = b"\x1b[?7l"
Start = Callable[..., Programme]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a night of doubles on a terminal; none outlives its test."""
    begun: list[Programme] = []

    def begin(seconds: float, *titles: str, columns: int = 80, rows: int = 24) -> Programme:
        begun.append(
            Programme(["-m", "tests.live_night", f"{seconds}", *titles], terminal=Terminal(columns, rows))
        )
        return begun[-1]

    yield begin
    for programme in begun:
        programme.kill()


def seen(*words: str) -> Callable[[Terminal], bool]:
    return lambda terminal: all(any(word in line for line in terminal.lines) for word in words)


def rows_with(terminal: Terminal, word: str) -> list[str]:
    return [line for line in terminal.lines if word in line]


def test_the_screen_shows_what_runs_what_comes_and_where_the_night_stands(start: Start) -> None:
    terminal = start(2.0, "a first idea", "a second idea", columns=100).until(
        seen("0002    a first idea", "trains  ━", "next    0003 ready: a second idea")
    )
    text = "\n".join(terminal.lines)
    assert " s left of 2 s, seed 2" in text
    assert "best    baseline 2.000000, best 2.000000 bits per byte (not beaten)" in text
    assert "spent   2 s of training, 2 requests, 82,400 tokens, $0.64" in text
    assert "left    1 experiment after this one, 8.0 h" in text
    assert "card    a card that is none, 81,559 MiB, 61 °C, 412 MiB in use after the last run" in text
    assert "0001    keep: baseline" in text
    assert "scores  ▁" in text


def test_what_is_asked_for_is_shown_before_it_comes(start: Start) -> None:
    start(2.0, "an idea").until(seen("next    scripted is asked"))


def test_the_scrollback_keeps_one_row_for_each_attempt_and_nothing_of_the_picture(start: Start) -> None:
    programme = start(0.6, "an idea " * 9, "REFUSE it", "CRASH it", rows=14)
    assert programme.finish() == 0
    lines = [line for line in programme.terminal.lines if line]
    assert lines[0] == "a night of doubles"
    assert [line[:14].rstrip() for line in lines[1:-1]] == [
        "0001  keep",
        "0003  discard",
        "0002  keep",
        "0004  discard",
    ]
    assert lines[-1].startswith("the night is over")
    assert programme.terminal.foreign == [], "the cursor was never hidden, and nothing else was asked for"
    assert programme.terminal.wraps


def test_the_reason_of_a_refusal_is_in_its_row(start: Start) -> None:
    programme = start(0.6, "REFUSE", "last", columns=120)
    programme.finish()
    assert "refused: train.py: it says REFUSE [word]" in rows_with(programme.terminal, "0002  discard")[0]


def test_hostile_titles_and_reasons_are_letters_on_the_screen_and_nothing_else(start: Start) -> None:
    programme = start(1.0, f"CRASH {HOSTILE}", f"REFUSE {HOSTILE}", HOSTILE, columns=100)
    programme.until(seen(f"0002    CRASH {HARMLESS}"))
    assert programme.finish() == 0
    assert programme.terminal.foreign == []
    assert b"\x07" not in programme.raw
    assert b"\x1b[2J" not in programme.raw
    assert rows_with(programme.terminal, "trains") == []
    assert len(rows_with(programme.terminal, HARMLESS)) == 3


def test_the_same_title_takes_over_a_terminal_when_it_is_written_as_it_is() -> None:
    program = "import sys; print(sys.argv[1])"
    programme = Programme(["-c", program, HOSTILE])
    assert programme.finish() == 0
    assert "\x1b[2J" in programme.terminal.foreign
    assert "\x07" in programme.terminal.foreign


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1"}, {"CI": "true"}, {"TERM": "dumb"}], ids=lambda given: next(iter(given))
)
def test_whoever_asks_for_plain_lines_gets_them_on_a_terminal_too(environment: dict[str, str]) -> None:
    programme = Programme(["-m", "tests.live_night", "0.2", "an idea"], extra=environment)
    assert programme.finish() == 0
    assert "0002  training, seed 2" in programme.terminal.lines
    assert DRAWN not in programme.raw


def test_a_pipe_gets_plain_lines_without_an_escape_code() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.live_night", "0.2", HOSTILE], capture_output=True, check=True
    )
    assert b"0002  training, seed 2\n" in ran.stdout
    assert b"\x1b" not in ran.stdout + ran.stderr


def test_one_interrupt_ends_after_the_run_and_says_so_above_the_picture(start: Start) -> None:
    programme = start(1.5, "an idea", "never")
    programme.until(seen("trains  ━"))
    programme.type(b"\x03")
    programme.until(seen("SIGINT: ends after the current run; once more ends at once", "trains  ━"))
    assert programme.finish() == 0
    assert rows_with(programme.terminal, "0001  keep")
    assert rows_with(programme.terminal, "the night is over: stopped by SIGINT")
    assert rows_with(programme.terminal, "trains") == []


def test_a_second_interrupt_ends_at_once_and_takes_the_picture_away(start: Start) -> None:
    programme = start(60.0, "an idea")
    programme.until(seen("trains"))
    programme.type(b"\x03")
    programme.until(seen("once more ends at once"))
    programme.type(b"\x03")
    assert programme.finish(10.0) == 130
    lines = [line for line in programme.terminal.lines if line]
    assert lines[-1].endswith("interrupted")
    assert rows_with(programme.terminal, "trains") == []
    assert programme.terminal.wraps


def test_an_error_takes_the_picture_away_and_is_said_below_the_rows(start: Start) -> None:
    programme = start(0.6, "RAISE")
    assert programme.finish() == 3
    lines = [line for line in programme.terminal.lines if line]
    assert lines[-1] == "error: this night broke"
    assert [line[:10] for line in lines[:-1]] == ["a night of", "0001  keep"]
    assert programme.terminal.wraps


@pytest.mark.parametrize("columns", [101, 61, 30, 12])
def test_a_window_that_is_made_narrower_or_wider_has_one_picture(start: Start, columns: int) -> None:
    programme = start(8.0, "an idea", columns=100, rows=60)
    programme.until(seen("trains  ━"))
    for width in (columns, 100):
        programme.resize(width, 60)
        drawn = programme.raw.count(DRAWN)
        programme.until(lambda _, drawn=drawn: programme.raw.count(DRAWN) >= drawn + 2)  # type: ignore[misc]
        assert len(rows_with(programme.terminal, "trains")) == 1
        assert len(rows_with(programme.terminal, "card")) == 1
        assert len(rows_with(programme.terminal, "0001")) == 1


@pytest.mark.parametrize("rows", [3, 6])
def test_a_low_window_shows_the_first_lines_and_scrolls_nothing_away(start: Start, rows: int) -> None:
    programme = start(1.0, "an idea", rows=rows)
    assert programme.finish() == 0
    lines = [line for line in programme.terminal.lines if line]
    assert [line[:10] for line in lines] == ["a night of", "0001  keep", "0002  keep", "the night "]


def test_a_terminal_that_is_closed_ends_the_night_after_its_run(start: Start) -> None:
    programme = start(1.0, "an idea", "never")
    programme.until(seen("trains"))
    began = time.monotonic()
    programme.hang_up()
    assert programme.process.wait(20.0) == 0
    assert time.monotonic() - began < 15.0


def test_a_terminal_that_is_stopped_keeps_the_night_going(start: Start) -> None:
    programme = start(1.0, "an idea", "another idea")
    programme.until(seen("trains"))
    programme.type(b"\x13")
    time.sleep(4.5)
    before = len(programme.terminal.lines)
    programme.type(b"\x11")
    began = time.monotonic()
    programme.until(seen("the night is over"))
    assert time.monotonic() - began < 1.0, f"it had {before} rows when it was stopped"


def test_it_is_drawn_a_few_times_a_second_at_most_and_costs_next_to_no_time(start: Start) -> None:
    programme = start(8.0)
    programme.until(seen("trains  ━"))
    before, spent = programme.raw.count(DRAWN), processor_seconds(programme.process.pid)
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        programme.read(0.1)
    drawn = programme.raw.count(DRAWN) - before
    assert 4 <= drawn <= 21
    assert processor_seconds(programme.process.pid) - spent < 0.25, "5 per cent of one core"


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
