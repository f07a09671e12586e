from __future__ import annotations

import time

import pytest

from orchestrator.text import sanitise_block, sanitise_line


def test_no_code_point_survives_that_a_terminal_or_a_reader_cannot_see() -> None:
    ranges = [range(0x4000), range(0xD700, 0xE100), range(0xF800, 0x12000), range(0xE0000, 0xE0200)]
    every = "".join(chr(code) for codes in ranges for code in codes)
    line = sanitise_line(every, len(every))
    block = sanitise_block(every, 1 << 30)
    assert line.isprintable()
    assert set(block) - set(line) == {"\n", "\t"}
    for hidden in "\x00\x07\x1b\x7f\x85\x9b\u200b\u200e\u202e\u2028\u2066\ufeff\u00ad\U000e0041\ud800\u3164":
        assert hidden not in block


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("  a \t b\nc  ", "a b c"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]52;c;QQ==\x07x", "]52;c;QQ==x"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("naïve 数 é", "naïve 数 é"),
        ("", ""),
    ],
)
def test_a_line_is_one_line_of_what_can_be_seen(text: str, line: str) -> None:
    assert sanitise_line(text, 100) == line


@pytest.mark.parametrize("limit", [0, 1, 2, 10])
def test_a_line_is_no_longer_than_its_limit(limit: int) -> None:
    assert len(sanitise_line("abcdefghijklmnopqrst", limit)) <= limit


def test_a_block_keeps_newlines_and_tabs_and_turns_carriage_returns_into_newlines() -> None:
    assert sanitise_block("a\tb\r\nc\rd\n\x07", 100) == "a\tb\nc\nd\n"


@pytest.mark.parametrize("limit", range(6, 40))
def test_a_block_is_cut_between_characters_and_says_so(limit: int) -> None:
    head, tail = sanitise_block("数" * 50, limit), sanitise_block("数" * 50, limit, keep="tail")
    assert len(head.encode()) <= limit
    assert len(tail.encode()) <= limit
    assert head.endswith("[cut]")
    assert tail.startswith("[cut]")
    assert set(head + tail) <= set("数[cut]\n")


def test_a_megabyte_of_escapes_is_cleaned_in_a_second() -> None:
    started = time.process_time()
    assert sanitise_block("\x1b[" * 500_000, 1 << 30) == "[" * 500_000
    assert time.process_time() - started < 1
