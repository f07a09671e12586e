"""How it shows that a program was stopped: a small language in the programs' headers, and its judge.

errno EPERM, EACCES       the attack raised OSError with one of these
nothing                   the attack went through its motions and came back with nothing
timed_out                 it was still running at the deadline, and was killed
crashed: TEXT             its process ended by itself, with TEXT in the reason
no_result: TEXT           the trusted reader refused what it left behind, with TEXT in the reason
unscored: TEXT            the scorer refused its model, with TEXT in the reason
measured above NUMBER     it was scored by the host, whatever it wrote, and at more than NUMBER
refused: CODE             the gate objected with this code
harmless                  it ended somehow; only what is checked after every program counts
emulated                  under gVisor: it was done or refused by a kernel that is not the host's
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.records import Experiment

MARK = "PROBE "
Kind = Literal[
    "errno", "nothing", "timed_out", "crashed", "no_result", "unscored", "measured", "refused", "harmless",
    "emulated",
]  # fmt: skip
_FORM = re.compile(
    r"(?P<kind>errno (?=[A-Z])|(?:crashed|no_result|unscored|refused): |measured above "
    r"|(?:nothing|timed_out|harmless|emulated)$)(?P<detail>.*)"
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be seen of a program in its sealed container."""

    kind: Kind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen: `stopped` as expected, the attack got `through`, or something `else`."""

    verdict: Literal["stopped", "through", "else"]
    evidence: str


def read_expectation(text: str) -> Expectation:
    """Raises ValueError for what is no expectation."""
    match = _FORM.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a way to be stopped")
    kind: Any = re.split("[: ]", match["kind"])[0]
    if kind == "measured":
        float(match["detail"])
    return Expectation(kind, match["detail"].strip())


def report_of(text: str) -> Mapping[str, Any]:
    """The last report that a probe printed; empty when there is none. It is a program of ours that speaks."""
    for line in reversed(text.splitlines()):
        _, mark, body = line.partition(MARK)
        if mark:
            try:
                report = json.loads(body)
            except ValueError:
                continue
            if isinstance(report, dict):
                return report
    return {}


def judge(expected: Expectation, experiment: Experiment) -> Sighting:
    """Compare an experiment with what its program's header expects of it."""
    report = report_of(said(experiment))
    if "got" in report and expected.kind != "emulated":
        return Sighting("through", str(report["got"]))
    seen = _SEEN[expected.kind](expected.detail, experiment, report)
    if seen:
        return Sighting("stopped", seen)
    return Sighting("else", f"expected {expected.kind} {expected.detail}, saw {_summary(experiment, report)}")


def said(experiment: Experiment) -> str:
    """What the program printed: in the train container's log, or in the model container's last words."""
    log = experiment.run.log if experiment.run else ""
    return log + "\n" + (experiment.score.reason if experiment.score else "")


def _summary(experiment: Experiment, report: Mapping[str, Any]) -> str:
    said = f"; it said {json.dumps(dict(report))}" if report else ""
    return f"{experiment.status}: {experiment.failure or experiment.value}{said}"


def _errno(detail: str, _: Experiment, report: Mapping[str, Any]) -> str:
    name = str(report.get("errno", ""))
    return name if name and name in [word.strip() for word in detail.split(",")] else ""


def _nothing(_: str, __: Experiment, report: Mapping[str, Any]) -> str:
    return "nothing found" if "nothing" in report else ""


def _outcome(name: str) -> Any:
    def seen(detail: str, experiment: Experiment, _: Mapping[str, Any]) -> str:
        run = experiment.run
        return run.reason if run and run.outcome.value == name and detail in run.reason else ""

    return seen


def _unscored(detail: str, experiment: Experiment, _: Mapping[str, Any]) -> str:
    score = experiment.score
    return score.reason if score and score.value is None and detail in score.reason else ""


def _measured(detail: str, experiment: Experiment, _: Mapping[str, Any]) -> str:
    value = experiment.value
    return f"measured {value:.4f} by the host" if value is not None and value > float(detail) else ""


def _refused(detail: str, experiment: Experiment, _: Mapping[str, Any]) -> str:
    codes = {objection.code for objection in experiment.verdict.objections}
    return experiment.verdict.reason if detail in codes else ""


def _harmless(_: str, experiment: Experiment, __: Mapping[str, Any]) -> str:
    return experiment.status


def _emulated(_: str, __: Experiment, report: Mapping[str, Any]) -> str:
    kernel = str(report.get("kernel", ""))
    said = report.get("got") or report.get("errno") or "nothing"
    return f"the kernel {kernel} of gVisor: {said}" if kernel and kernel != platform.release() else ""


_SEEN: Mapping[str, Any] = {
    "errno": _errno,
    "nothing": _nothing,
    "timed_out": _outcome("timed_out"),
    "crashed": _outcome("crashed"),
    "no_result": _outcome("no_result"),
    "unscored": _unscored,
    "measured": _measured,
    "refused": _refused,
    "harmless": _harmless,
    "emulated": _emulated,
}
