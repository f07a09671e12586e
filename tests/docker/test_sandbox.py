"""What the sandbox does with candidates of every kind, in real containers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from orchestrator.proving.text import VOCAB
from orchestrator.records import Outcome
from orchestrator.sandbox.container import TRAINING_USERS
from tests.docker.conftest import ROW_TOKENS, Station

pytestmark = pytest.mark.docker


def test_an_honest_candidate_trains_saves_and_scores_well_below_chance(station: Station) -> None:
    run, score = station.run_and_score("honest")
    assert run.result is not None
    assert run.result.config == {"vocab": VOCAB}
    assert run.train_seconds < station.budget.train_seconds
    assert score.value is not None
    assert 1.0 < score.value < 6.0, "chance is 8 bits per byte"
    assert score.stderr > 0
    assert score.details["tokens"] == 32 * ROW_TOKENS


def test_the_same_seed_gives_the_same_score_and_another_seed_another(station: Station) -> None:
    values = [station.run_and_score("honest", seed)[1].value for seed in (5, 5, 6)]
    assert values[0] == pytest.approx(values[1], abs=1e-6), "up to the challenge's rounding"
    assert values[0] != pytest.approx(values[2], abs=1e-4)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing_module", "ModuleNotFoundError: No module named 'flash_attn_of_the_future'"),
        ("raises_at_import", "ValueError: at import"),
        ("raises_at_step_one", "ArithmeticError: at step one"),
        ("raises_at_save", "ValueError: stats must be finite numbers: train_loss"),
        ("fills_output", "OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_crash_is_data_with_its_reason(station: Station, name: str, reason: str) -> None:
    run = station.run(name)
    assert (run.outcome, run.reason) == (Outcome.CRASHED, reason)
    assert run.exit_code != 0
    assert run.result is None


def test_too_much_memory_ends_the_run_with_a_reason_that_names_it(station: Station) -> None:
    run = station.run("memory_bomb")
    assert run.outcome is Outcome.CRASHED
    assert run.exit_code == 137
    assert "too much memory" in run.reason


def test_logits_that_still_want_gradients_are_scored_like_any(station: Station) -> None:
    _, score = station.run_and_score("constant_logits")
    assert score.value is not None
    assert score.value == pytest.approx(math.log2(VOCAB), abs=0.05), "every byte costs the same"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_checkpoint", "result.json was not saved"),
        ("links_result", "result.json cannot be opened: Too many levels of symbolic links"),
    ],
)
def test_an_end_without_a_sound_result_is_no_result(station: Station, name: str, reason: str) -> None:
    run = station.run(name)
    assert (run.outcome, run.reason) == (Outcome.NO_RESULT, reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nan_loss", "predictions were not finite"),
        ("wrong_shapes", "size mismatch"),
        ("raises_when_served", "predicting failed: RuntimeError"),
        ("stalls_when_served", "predicting took too long"),
    ],
)
def test_a_model_that_cannot_predict_has_a_reason_and_no_value(
    station: Station, name: str, reason: str
) -> None:
    _, score = station.run_and_score(name)
    assert score.value is None
    assert reason in score.reason


LATE = ["ignores_term", "fork_bomb", "endless_output", "saves_late", "hogs_memory"]


@pytest.mark.parametrize("name", LATE)
def test_the_deadline_holds_whatever_the_candidate_does(hurried: Station, name: str) -> None:
    run = hurried.run(name)
    assert run.outcome is Outcome.TIMED_OUT
    assert run.result is None
    limit = hurried.budget.train_seconds
    assert limit <= run.train_seconds < limit + 0.5
    crowded = 6.0 if name == "fork_bomb" else 0.5  # the kernel ends a hundred processes one after the other
    assert run.overrun_seconds <= crowded, "seconds past deadline and grace until it was seen dead"
    assert len(run.log.encode()) <= hurried.outfit.policy.log_kib * 1024 + 100


def test_endless_output_is_counted_but_only_its_ends_are_kept(hurried: Station) -> None:
    run = hurried.run("endless_output")
    assert run.log_bytes > 10 * hurried.outfit.policy.log_kib * 1024
    assert "bytes cut" in run.log


def test_a_number_written_into_the_result_file_changes_nothing(station: Station) -> None:
    run, score = station.run_and_score("forges_result")
    assert run.result is not None
    assert run.result.claims["val_bpb"] == 0.1
    assert score.value is not None
    assert score.value > 7.5, "random weights are worth about log2 of the vocabulary"


def test_noise_on_standard_output_does_not_reach_the_reply(station: Station) -> None:
    _, noisy = station.run_and_score("prints_when_served", seed=5)
    _, quiet = station.run_and_score("honest", seed=5)
    assert noisy.value == pytest.approx(quiet.value, abs=1e-6)


def test_a_train_container_sees_training_data_and_nothing_else(station: Station) -> None:
    run, _ = station.run_and_score("looks_around")
    found = _found(run.log)
    assert [name for name in found["data"] if not name.startswith(".")] == ["tokenizer.json", "train.bin"]
    assert all(name.startswith((".tokenizer.json.", ".train.bin.")) for name in found["data"][:2])
    assert len(found["data"]) == 4
    assert found["interfaces"] == ["lo"]
    assert found["outside"] == "OSError101"
    assert found["root"] == found["data_write"] == "Read-only file system"
    assert found["uid"] in TRAINING_USERS
    assert found["capabilities"] == "0" * 16
    assert (found["no_new_privileges"], found["seccomp"]) == ("1", "2")
    assert found["open_files"] == station.outfit.policy.open_files
    assert found["docker"] is False
    assert not [name for name in found["environment"] if "KEY" in name or "TOKEN" in name]


def test_no_container_and_no_volume_is_left_behind(station: Station) -> None:
    station.run("honest")
    assert station.leftovers() == []


def _found(log: str) -> dict[str, Any]:
    line = next(line for line in log.splitlines() if line.startswith("FOUND "))
    found: dict[str, Any] = json.loads(line.removeprefix("FOUND "))
    return found
