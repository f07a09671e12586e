"""A recorded night held against another policy: refusals, limits, lost keeps, and what nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.gate import PolicyGate
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.recorded import Night, read_night
from orchestrator.policy import Policy
from orchestrator.policy_work.replaying import TOLD, Replay, replay
from orchestrator.policy_work.telling import tell
from orchestrator.records import (
    Action,
    Decision,
    Experiment,
    Objection,
    Outcome,
    Proposal,
    ResultFile,
    Run,
    Score,
    Verdict,
)

MIB = 1 << 20
TEMPLATE = {
    "train.py": "import math\n\n\ndef main():\n    pass\n\n\ndef build_model(config):\n    return None\n"
}
KEEP, DISCARD = Decision(Action.KEEP, "better"), Decision(Action.DISCARD, "not better")


def with_(**sections: dict[str, Any]) -> Policy:
    values = Policy().values()
    for section, keys in sections.items():
        values[section] |= keys
    return Policy.model_validate(values)


def run_of(number: int, *, log_bytes: int = 100, peak_mib: int = 900, saved_mib: int = 20) -> Run:
    result = ResultFile({}, {"peak_memory_bytes": peak_mib * MIB}, "a" * 64, "b" * 64, saved_mib * MIB)
    return Run(f"run-{number}", Outcome.COMPLETED, 299.0, log_bytes=log_bytes, result=result)


def score_of(value: float, seconds: float = 20.0, worst: float = 0.001) -> Score:
    return Score(value, stderr=0.001, seconds=seconds, details={"challenge": {"worst_nats": worst}})


ATTEMPTS: list[tuple[str, Run, Score, Decision]] = [
    ("", run_of(1), score_of(2.0), KEEP),
    ("import random\n", run_of(2, saved_mib=300), score_of(1.9, seconds=50.0), KEEP),
    ("import random\nX = 1\n", run_of(3, log_bytes=90_000, peak_mib=5000), score_of(1.85, worst=-0.03), KEEP),
    ("import random\nX = 2\n", run_of(4), score_of(2.5), DISCARD),
]


def record(folder: Path, *, on_a_card: bool = False) -> Night:
    origin = Origin("small language model", TEMPLATE, Policy().digest, "0.1.0", policy=Policy())
    with GitLedger(folder, origin) as ledger:
        ledger.record("night_began", gpu={"name": "H100"} if on_a_card else None)
        for head, run, score, decision in ATTEMPTS:
            files = {"train.py": head + TEMPLATE["train.py"]}
            attempt = ledger.open(Proposal(f"a change {head!r}", files))
            experiment = Experiment(attempt, Verdict(), replace(run, run_id=attempt.name), score)
            ledger.measure(experiment, attempt.number)
            ledger.close(experiment, decision)
        refused = ledger.open(Proposal("sockets", {"train.py": "import socket\n" + TEMPLATE["train.py"]}))
        objection = Objection("import", "socket is not allowed", "train.py", 1)
        ledger.close(Experiment(refused, Verdict((objection,))), DISCARD)
        twin = ledger.open(Proposal("twin", {"train.py": "X = 3\n" + TEMPLATE["train.py"]}))
        objection = Objection("duplicate", "these very files were tried")
        ledger.close(Experiment(twin, Verdict((objection,))), DISCARD)
    return read_night(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "night"
    record(path)
    return path


def replayed(folder: Path, **sections: dict[str, Any]) -> Replay:
    policy = with_(**sections)
    return replay(
        read_night(folder), policy, PolicyGate(policy.edit, "train.py", {"main": 0, "build_model": 1})
    )


FORBIDDEN: dict[str, dict[str, Any]] = {"edit": {"forbidden_imports": ["socket"]}}


def test_nothing_is_lost_under_the_nights_own_policy(folder: Path) -> None:
    found = replayed(folder, **FORBIDDEN)
    assert (found.refused, found.admitted, found.over, found.lost, found.kept) == ((), (), (), (), 3)


def test_what_the_gate_would_refuse_is_named_and_takes_with_it_what_rests_on_it(folder: Path) -> None:
    found = replayed(folder, edit={"forbidden_imports": ["socket", "random"]})
    assert [finding.number for finding in found.refused] == [2, 3, 4]
    assert "random" in found.refused[0].words
    assert found.lost == (2, 3)


def test_a_keep_that_rests_on_a_lost_one_is_lost_though_nothing_is_wrong_with_it(folder: Path) -> None:
    found = replayed(folder, **FORBIDDEN, sandbox={"output_mib": 200})
    assert [(finding.number, finding.key) for finding in found.over] == [(2, "sandbox.output_mib")]
    assert found.lost == (2, 3)


def test_what_the_gate_would_let_through_is_named(folder: Path) -> None:
    assert replayed(folder).admitted == (5,)


LIMITS: dict[str, tuple[dict[str, dict[str, Any]], int, bool]] = {
    "sandbox.output_mib": ({"sandbox": {"output_mib": 100}}, 2, True),
    "sandbox.memory_mib": ({"sandbox": {"memory_mib": 4096}}, 3, True),
    "sandbox.log_kib": ({"sandbox": {"log_kib": 64}}, 3, False),
    "metric.score_seconds": ({"metric": {"score_seconds": 30.0}}, 2, True),
    "metric.floor": ({"metric": {"floor": 1.87}}, 3, True),
    "metric.challenge_tolerance_nats": ({"metric": {"challenge_tolerance_nats": 0.02}}, 3, True),
    "decision.margin": ({"decision": {"margin": 0.07}}, 3, True),
    "decision.plausible_drop": ({"decision": {"plausible_drop": 0.04}}, 2, True),
}


@pytest.mark.parametrize("key", LIMITS)
def test_a_limit_that_a_run_was_over_is_named_with_the_attempt(folder: Path, key: str) -> None:
    sections, number, stops = LIMITS[key]
    (finding,) = replayed(folder, **FORBIDDEN, **sections).over
    assert (finding.number, finding.key, finding.stops) == (number, key, stops)


def test_a_shorter_training_is_over_for_all_and_stops_none(folder: Path) -> None:
    found = replayed(folder, **FORBIDDEN, budget={"train_seconds": 60.0})
    assert [(finding.number, finding.stops) for finding in found.over] == [(n, False) for n in (1, 2, 3, 4)]
    assert found.lost == ()
    said = list(tell(found, with_(**FORBIDDEN, budget={"train_seconds": 60.0}), "night"))
    place = said.index("over a limit: 4")
    assert said[place + 1].startswith("  budget.train_seconds: more than 62 seconds of training")
    assert said[place + 2].count(" kept") == 3, "one line says it of all four"


def test_every_limit_that_is_told_of_is_tried_here() -> None:
    assert {*LIMITS, "budget.train_seconds"} == TOLD


def test_the_memory_of_a_card_is_not_held_against_the_containers(tmp_path: Path) -> None:
    record(tmp_path / "night", on_a_card=True)
    assert replayed(tmp_path / "night", **FORBIDDEN, sandbox={"memory_mib": 4096}).over == ()


def test_what_a_record_cannot_tell_is_said(folder: Path) -> None:
    sections: dict[str, dict[str, Any]] = {
        **FORBIDDEN,
        "sandbox": {"pids": 64, "runtime": "runsc"},
        "model": {"dollars": 1.0},
    }
    said = list(tell(replayed(folder, **sections), with_(**sections), "night"))
    assert "the record does not tell what was used of, or decided by: sandbox.pids (1024 -> 64)" in said
    assert any(line.startswith("every value would have been another") and "runsc" in line for line in said)
    assert not any("dollars" in line for line in said)
    assert said[-1] == "of 3 kept attempts none would have been lost, as far as the record tells"


def test_replay_reads_a_run_by_its_tag_and_fails_when_a_keep_would_be_lost(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTORESEARCH_RUNS", str(folder.parent))
    mine = tmp_path / "mine.yaml"
    task = Path(__file__).parents[1] / "train_template"
    words = ["policy", "replay", str(mine), "--run", "night", "--task", str(task)]
    mine.write_text("edit: {forbidden_imports: [socket]}")
    assert main(words) == 0
    mine.write_text("edit: {forbidden_imports: [random]}")
    assert main(words) == 1
    said = capsys.readouterr().out
    refused = next(line for line in said.splitlines() if line.startswith("  edit: train.py:1: "))
    assert said.partition(refused)[2].splitlines()[1] == "    0002 kept, 0003 kept, 0004"
    assert "of 3 kept attempts would have been lost: 0002, 0003" in said
    assert main([*words[:4], "nowhere"]) == 2
    assert main([*words[:-1], str(task.parent / "tests" / "tasks" / "digits")]) == 2
    assert "night is a run of small language model, not of" in capsys.readouterr().err
