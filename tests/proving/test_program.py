"""The headers of hostile programs, and the suite as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.proving.expectation import Expectation
from orchestrator.proving.program import GROUPS, load_programs, read_program
from orchestrator.proving.prove import PROGRAMS

HEADER = '''"""Tries a thing.

layer: a wall
stopped: errno EPERM
stopped runsc: errno ENOSYS
control: lift seccomp, user
deadline: soon
"""
'''


def written(folder: Path, text: str, group: str = "kernel") -> Path:
    path = folder / group / "thing.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_header_says_all_there_is_to_know(tmp_path: Path) -> None:
    program = read_program(written(tmp_path, HEADER))
    assert (program.identity, program.tries, program.layer) == ("kernel/thing", "Tries a thing.", "a wall")
    assert program.expected["runc"] == Expectation("errno", "EPERM")
    assert program.expected["runsc"] == Expectation("errno", "ENOSYS")
    assert program.control.lifts == ("seccomp", "user")
    assert (program.container, program.framework, program.hurried) == ("train", False, True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("layer: a wall\n", "", "layer"),
        ("stopped: errno EPERM\n", "", "stopped"),
        ("errno EPERM", "somehow", "'somehow' is not a way to be stopped"),
        ("lift seccomp, user", "lift the rug", "is not a control"),
        ("lift seccomp, user", "", "is not a control"),
        ("deadline: soon", "deadlines: soon", "no place for 'deadlines: soon'"),
        ("deadline: soon", "layer: two", "no place for 'layer: two'"),
        ("deadline: soon", "container: attic", "a container that is train or model"),
        ("deadline: soon", "title: not json", "Expecting value"),
        ('"""Tries', "x = '''", "unterminated"),
    ],
)
def test_a_header_that_is_not_sound_is_one_line_that_names_the_file(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = written(tmp_path, HEADER.replace(old, new))
    with pytest.raises(SetupError) as caught:
        read_program(path)
    assert str(path) in caught.value.message
    assert said in caught.value.message


def test_a_group_that_is_none_and_a_folder_without_programs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no group 'moon'"):
        load_programs(tmp_path, ["moon"])
    with pytest.raises(SetupError, match="there are no programs"):
        load_programs(tmp_path)


def test_groups_come_in_their_order_and_only_those_that_are_wanted(tmp_path: Path) -> None:
    for group in ("host", "network", "files"):
        written(tmp_path, HEADER, group)
    assert [program.group for program in load_programs(tmp_path)] == ["network", "files", "host"]
    assert [program.group for program in load_programs(tmp_path, ["host"])] == ["host"]


def test_the_suite_has_ninety_programs_and_more_and_every_group() -> None:
    programs = load_programs(PROGRAMS)
    assert len(programs) >= 90
    assert {program.group for program in programs} == set(GROUPS)
    assert len({program.tries for program in programs}) == len(programs)
