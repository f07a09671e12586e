"""A change made to one source is made to a newer one, or said not to fit."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.merging import Conflict, merge

BASE = {"train.py": "".join(f"line {number}\n" for number in range(20))}


def changed(old: str, new: str, files: dict[str, str] = BASE) -> dict[str, str]:
    return {**files, "train.py": files["train.py"].replace(old, new)}


def test_two_changes_of_different_places_are_both_there() -> None:
    ours, theirs = changed("line 3\n", "ours\n"), changed("line 15\n", "theirs\n")
    text = merge(base=BASE, ours=ours, theirs=theirs)["train.py"]
    assert text == changed("line 15\n", "theirs\n", ours)["train.py"]


def test_two_changes_of_one_line_conflict_and_the_file_is_named() -> None:
    with pytest.raises(Conflict, match=r"train\.py: both changed the same lines"):
        merge(base=BASE, ours=changed("line 3\n", "ours\n"), theirs=changed("line 3\n", "theirs\n"))


def test_changes_of_neighbouring_lines_are_both_there() -> None:
    ours, theirs = changed("line 3\n", "ours\n"), changed("line 4\n", "theirs\n")
    merged = merge(base=BASE, ours=ours, theirs=theirs)
    assert merged == changed("line 4\n", "theirs\n", ours)


def test_a_line_added_beside_a_changed_one_conflicts() -> None:
    with pytest.raises(Conflict):
        merge(base=BASE, ours=changed("line 3\n", "line 3\nmore\n"), theirs=changed("line 4\n", "x\n"))


def test_the_same_change_on_both_sides_is_made_once() -> None:
    both = changed("line 3\n", "same\n")
    assert merge(base=BASE, ours=both, theirs=both) == both


def test_a_file_that_one_side_alone_changed_or_added_is_taken_whole() -> None:
    base = {"a.py": "a\n", "b.py": "b\n"}
    merged = merge(base=base, ours={**base, "a.py": "A\n"}, theirs={**base, "b.py": "B\n", "c.py": "c\n"})
    assert merged == {"a.py": "A\n", "b.py": "B\n", "c.py": "c\n"}


def test_what_one_side_removed_goes_unless_the_other_changed_it() -> None:
    base = {"a.py": "a\n", "b.py": "b\n"}
    assert merge(base=base, ours={"a.py": "a\n"}, theirs={**base, "a.py": "A\n"}) == {"a.py": "A\n"}
    with pytest.raises(Conflict, match=r"b\.py: one side removed it"):
        merge(base=base, ours={"a.py": "a\n"}, theirs={**base, "b.py": "B\n"})


@pytest.mark.parametrize("text", ["x\0y\n" * 50, "<<<<<<< ours\n=======\n>>>>>>> b\n" * 20, "\ud800\n", ""])
def test_odd_texts_are_merged_or_refused_and_never_marked_up(text: str) -> None:
    base = {"train.py": text + "middle\n" * 9 + text}
    ours = {"train.py": "ours\n" + base["train.py"]}
    theirs = {"train.py": base["train.py"] + "theirs\n"}
    try:
        merged = merge(base=base, ours=ours, theirs=theirs)["train.py"]
    except Conflict:
        assert "\0" in text
    else:
        assert merged == "ours\n" + base["train.py"] + "theirs\n"


def test_a_text_made_to_slow_a_diff_down_takes_no_minute() -> None:
    lines = [f"{number % 2}\n" for number in range(40_000)]
    base = {"train.py": "".join(lines)}
    ours = {"train.py": "".join(lines[::-1])}
    theirs = {"train.py": "".join(lines[1::2] + lines[::2])}
    began = time.monotonic()
    with suppress(Conflict):
        merge(base=base, ours=ours, theirs=theirs)
    assert time.monotonic() - began < 30


def test_a_ctrl_c_does_not_reach_the_merge_and_make_a_conflict_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"#!/bin/sh\ntrap '' INT\nkill -INT 0\nexec {shutil.which('git')} \"$@\"\n"
    (tmp_path / "git").write_text(script)
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        merge(base={"a": "1\n2\n3\n"}, ours={"a": "x\n2\n3\n"}, theirs={"a": "1\n2\ny\n"})
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == []
