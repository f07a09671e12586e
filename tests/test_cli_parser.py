"""The command line up to its verbs: help, exit codes, and errors as one safe line and a remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import errors
from orchestrator.cli import build_parser, ended, main

VERBS = [
    ["run"],
    ["try"],
    ["mcp"],
    ["status"],
    ["data"],
    ["doctor"],
    ["reap"],
    ["audit"],
    ["audit", "verify"],
    ["audit", "show"],
    ["report"],
    ["export"],
    ["policy"],
    ["policy", "check"],
    ["policy", "explain"],
    ["policy", "diff"],
    ["policy", "replay"],
    ["policy", "schema"],
]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("verb", [[], *VERBS], ids=" ".join)
def test_every_verb_has_help(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*verb, "--help"])
    assert end.value.code == 0
    assert f"usage: autoresearch {' '.join(verb)}".rstrip() in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fly"],
        ["audit"],
        ["policy", "fly"],
        ["run", "--hours", "many"],
        ["run", "--experiments", "1.5"],
        ["run", "--experiments", "0"],
        ["run", "--hours", "0"],
        ["run", "--hours", "nan"],
        ["mcp", "--hours", "inf"],
        ["dashboard", "--port", "70000"],
        ["try"],
        ["try", "train.py", "--seed=-1"],
        ["try", "train.py", "--seed=2147483648"],
        ["try", "train.py", "--seed=1.0"],
        ["policy", "check"],
        ["policy", "diff", "a.yaml"],
        ["status", "extra"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_none_is_a_usage_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: autoresearch" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_the_least_and_the_greatest_seed_are_seeds(seed: int) -> None:
    assert build_parser().parse_args(["try", "train.py", f"--seed={seed}"]).seed == seed


@pytest.mark.parametrize("tag", ["../x", "/tmp/x", ".", "-", "A", "a b", "a\n", "x" * 33, "\x1b[2J"])  # noqa: S108
@pytest.mark.parametrize("verb", [["run"], ["mcp"], ["status"], ["audit", "verify"]], ids=" ".join)
def test_a_tag_that_is_no_plain_name_is_refused_before_anything_else(
    verb: list[str], tag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, f"--tag={tag}"]) == 2
    said = capsys.readouterr().err
    assert "is not a tag" in said
    assert "\x1b" not in said
    assert list(tmp_path.iterdir()) == []


OURS = [value for value in vars(errors).values() if isinstance(value, type)]
ALL = [kind for kind in OURS if issubclass(kind, errors.OrchestratorError)]


@pytest.mark.parametrize("kind", ALL)
def test_each_error_is_its_exit_code_one_line_and_a_remedy(
    kind: type[errors.OrchestratorError], capsys: pytest.CaptureFixture[str]
) -> None:
    def verb() -> int:
        raise kind("something is wrong", remedy="mend it")

    assert ended(verb) == kind.exit_code
    assert capsys.readouterr().err == "autoresearch: something is wrong\n  remedy: mend it\n"


def test_every_class_of_error_has_a_code_of_its_own() -> None:
    louder = {errors.StuckContainer, errors.ModelRefused}  # a sandbox's error and a proposer's
    kinds = [kind for kind in ALL if kind not in louder]
    assert sorted(kind.exit_code for kind in kinds) == list(range(7))


def test_an_error_that_quotes_hostile_text_is_still_one_printable_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def verb() -> int:
        raise errors.ProposerError("refused: \x1b[2Jowned\nautoresearch: all is well \u202e")

    assert ended(verb) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.rstrip("\n").isprintable()


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 0)])
def test_being_interrupted_and_not_being_read_are_no_tracebacks(error: BaseException, code: int) -> None:
    def verb() -> int:
        raise error

    assert ended(verb) == code


@pytest.mark.parametrize("code", [0, 1])
def test_a_verb_that_ends_gives_its_own_code(code: int) -> None:
    assert ended(lambda: code) == code


def test_a_mistake_of_ours_is_not_hidden() -> None:
    def verb() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ended(verb)


def test_a_policy_file_that_is_missing_is_a_setup_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "nowhere.yaml"]) == 2
    assert "nowhere.yaml: no such file" in capsys.readouterr().err


def test_nothing_in_the_runs_folder_is_a_setup_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert [main(words) for words in (["status"], ["audit", "verify", "--tag", "x"])] == [2, 2]
    assert "there is no run" in capsys.readouterr().err


def test_the_module_is_the_program() -> None:
    command = [sys.executable, "-m", "orchestrator", "policy", "explain", "nowhere.yaml"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("autoresearch: nowhere.yaml: no such file\n  remedy: ")


def test_the_command_line_starts_without_the_libraries_that_only_one_verb_needs() -> None:
    program = "import sys, orchestrator.cli; print(sorted({'mcp', 'openai', 'optuna'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
