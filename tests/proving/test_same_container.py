"""Programs that look for what an earlier candidate left: run twice, and twice in one container as control."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.proving.controls import read_control
from orchestrator.proving.program import Program, read_program

HEADER = '"""Looks for a mark.\n\nlayer: a fresh container\nstopped: nothing\ncontrol: {control}\n"""\n'


def _program(folder: Path, control: str) -> Program:
    path = folder / "crosstalk" / "mark.py"
    path.parent.mkdir()
    path.write_text(HEADER.format(control=control))
    return read_program(path)


def test_a_program_whose_control_is_the_same_container_runs_again(tmp_path: Path) -> None:
    assert _program(tmp_path, "same container").again


def test_a_program_with_another_control_runs_once(tmp_path: Path) -> None:
    assert not _program(tmp_path, "lift seccomp").again


def test_guards_may_be_lifted_beside_the_same_container() -> None:
    assert read_control("same container, seccomp").lifts == ("seccomp",)


def test_a_naive_reader_gets_a_roomy_output_beside_what_else_is_lifted() -> None:
    assert read_control("naive reader, seccomp").lifts == ("output", "seccomp")


@pytest.mark.parametrize("text", ["same container, sandbox", "naive reader, everything", "same"])
def test_a_guard_that_does_not_exist_cannot_be_lifted(text: str) -> None:
    with pytest.raises(ValueError, match="is not a control"):
        read_control(text)
