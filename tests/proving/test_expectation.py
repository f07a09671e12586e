"""How it shows that a program was stopped, and that nothing else is taken for it."""

from __future__ import annotations

import json
import platform

import pytest

from orchestrator.proving.expectation import judge, read_expectation, report_of
from orchestrator.records import (
    Attempt,
    Experiment,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Verdict,
)

ATTEMPT = Attempt(1, Proposal("a program", {}), {}, 1)
RESULT = ResultFile({}, {}, "0" * 64, "0" * 64, 4)


def ended(
    outcome: Outcome = Outcome.NO_RESULT, reason: str = "result.json was not saved", log: str = ""
) -> Experiment:
    return Experiment(ATTEMPT, Verdict(), Run("r", outcome, 1.0, reason=reason, log=log))


def said(**report: object) -> Experiment:
    return ended(log=f"some noise\nPROBE {json.dumps(report)}\n")


def scored(value: float | None, reason: str = "") -> Experiment:
    run = Run("r", Outcome.COMPLETED, 1.0, result=RESULT)
    return Experiment(ATTEMPT, Verdict(), run, Score(value=value, reason=reason))


STOPPED = [
    ("errno EPERM", said(errno="EPERM")),
    ("errno EACCES, EPERM", said(errno="EPERM")),
    ("nothing", said(nothing=True)),
    ("timed_out", ended(Outcome.TIMED_OUT, "still running after 2 seconds")),
    ("crashed: 137", ended(Outcome.CRASHED, "killed (exit code 137)")),
    ("no_result: not saved", ended()),
    ("unscored: finite", scored(None, "predictions were not finite")),
    ("measured above 7.5", scored(8.0)),
    ("refused: path", Experiment(ATTEMPT, Verdict((Objection("path", "no"),)))),
    ("harmless", ended(Outcome.CRASHED, "exit code 3")),
    ("emulated", said(got="a mark", kernel="4.4.0")),
    ("emulated", said(errno="EPERM", kernel="4.4.0")),
    ("errno EPERM", scored(None, 'loading the model failed: PROBE {"errno": "EPERM"}')),
]


@pytest.mark.parametrize(("expected", "experiment"), STOPPED)
def test_what_is_expected_is_stopped(expected: str, experiment: Experiment) -> None:
    assert judge(read_expectation(expected), experiment).verdict == "stopped"


@pytest.mark.parametrize(
    ("expected", "experiment"),
    [
        ("errno EPERM", said(errno="EPERMX")),
        ("errno EPERM", said(errno="ENOSYS")),
        ("errno EPERM", said(nothing=True)),
        ("errno EPERM", ended()),
        ("nothing", said(errno="EPERM")),
        ("timed_out", ended(Outcome.CRASHED, "still running after 2 seconds")),
        ("crashed: 137", ended(Outcome.CRASHED, "exit code 1")),
        ("no_result: link", ended()),
        ("unscored: finite", scored(8.0)),
        ("unscored: finite", scored(None, "it took too long")),
        ("measured above 7.5", scored(0.1)),
        ("measured above 7.5", scored(None, "no")),
        ("refused: path", ended()),
        ("emulated", said(got="a mark", kernel=platform.release())),
        ("emulated", said(got="a mark")),
        ("emulated", ended()),
        ("refused: path", Experiment(ATTEMPT, Verdict((Objection("size", "no"),)))),
    ],
)
def test_anything_else_is_something_else(expected: str, experiment: Experiment) -> None:
    sighting = judge(read_expectation(expected), experiment)
    assert sighting.verdict == "else"
    assert expected.split(maxsplit=1)[0].rstrip(":") in sighting.evidence


@pytest.mark.parametrize("expected", sorted({expected for expected, _ in STOPPED} - {"emulated"}))
def test_an_attack_that_got_something_is_through_whatever_was_expected(expected: str) -> None:
    assert judge(read_expectation(expected), said(got="the secret")).verdict == "through"


@pytest.mark.parametrize("text", ["", "stopped", "errnoEPERM2 x:", "measured above", "measured above x"])
def test_what_is_no_expectation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_expectation(text)


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("", {}),
        ("PROBE not json", {}),
        ("PROBE [1]", {}),
        ('PROBE {"a": 1}\nPROBE {"b": 2}\nnoise', {"b": 2}),
        ('PROBE {"a": 1}\nPROBE broken', {"a": 1}),
    ],
)
def test_the_last_whole_report_counts(text: str, report: dict[str, int]) -> None:
    assert report_of(text) == report
