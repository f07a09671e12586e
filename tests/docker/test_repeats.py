"""Attempts that are measured several times, in real containers: what is recorded, shown, and gone on with."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import candidate
from tests.docker.workshop import Workshop, set_up

pytestmark = pytest.mark.docker

HONEST = candidate("honest")
SLOW = HONEST.replace("model, loss = train()", "import time; time.sleep(2); model, loss = train()")
BETTER = SLOW.replace("steps: int = 40", "steps: int = 400")
RUN = ["run", "--tag", "repeats", "--proposer", "replay:proposals", "--experiments"]


@pytest.fixture
def workshop(tmp_path: Path, data: DataFolder, engine: Engine) -> Workshop:
    set_up(tmp_path, SLOW, [BETTER])
    policy, task = tmp_path / "policy.yaml", tmp_path / "task" / "task.yaml"
    rule = "{rule: sequential, baseline_runs: 3, plausible_drop: 0.9}"
    policy.write_text(policy.read_text().replace("{rule: greedy, margin: 0.01}", rule))
    task.write_text(task.read_text().replace("eval_rows: 32", "eval_rows: 32, holdout_rows: 16"))
    return Workshop(tmp_path, data.path, engine)


def test_the_baseline_measures_the_noise_and_what_is_kept_has_a_holdout_value(workshop: Workshop) -> None:
    done = workshop.call(*RUN, "2")
    assert done.returncode == 0, done.stderr
    events = workshop.events("repeats")
    runs = [event for event in events if event["event"] == "attempt_measured"]
    baseline = [event for event in runs if event["number"] == event["serving"] == 1]
    assert len(baseline) == 3
    assert len({event["seed"] for event in runs}) == len(runs)
    assert len({event["score"]["value"] for event in baseline}) == 3
    first, second = workshop.closed("repeats")
    assert (first["action"], second["action"]) == ("keep", "keep")
    assert first["values"] == [event["score"]["value"] for event in baseline]
    assert first["facts"]["noise"] > 0
    assert second["facts"]["probability"] > 0.5
    assert [bool(event["score"]["holdout"]) for event in baseline] == [False, False, True]
    holdouts = [e["score"]["holdout"]["value"] for e in runs if e["score"]["holdout"]]
    status = workshop.call("status", "--tag", "repeats").stdout
    assert "holdout" in status
    assert all(
        f"{value:.6f}" not in (workshop.runs / "repeats/results.tsv").read_text() for value in holdouts
    )
    assert workshop.call("audit", "verify", "--tag", "repeats").returncode == 0
    assert workshop.leftovers("repeats") == []


def test_a_night_that_is_stopped_between_two_runs_goes_on_with_the_same_attempt(workshop: Workshop) -> None:
    started = workshop.start(*RUN, "1")
    started.await_line("run 1 of 3")
    started.signal(signal.SIGINT)
    code, output = started.end()
    assert code == 0, output
    assert "attempt 0001 is still open" in output
    assert workshop.closed("repeats") == []
    again = workshop.call(*RUN, "1")
    assert again.returncode == 0, again.stderr
    (closed,) = workshop.closed("repeats")
    assert (closed["action"], len(closed["values"])) == ("keep", 3)
    assert workshop.call("audit", "verify", "--tag", "repeats").returncode == 0


def test_a_kill_between_two_runs_loses_none_of_them(workshop: Workshop) -> None:
    started = workshop.start(*RUN, "1")
    started.await_line("run 1 of 3")
    started.signal(signal.SIGKILL)
    started.end()
    before = [e["score"]["value"] for e in workshop.events("repeats") if e["event"] == "attempt_measured"]
    assert workshop.await_no_leftovers("repeats") == []
    again = workshop.call(*RUN, "1")
    assert again.returncode == 0, again.stderr
    (closed,) = workshop.closed("repeats")
    assert closed["values"][: len(before)] == before
    assert len(closed["values"]) == 3
