"""Which scorer a policy's source and a task make together, and which of them make none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrator.arrays import ArrayFolder
from orchestrator.errors import SetupError
from orchestrator.policy import MetricPolicy
from orchestrator.records import Action, Direction, Measure, Outcome, ResultFile, Run
from orchestrator.scoring.choice import check_measure, choose_scorer
from orchestrator.scoring.predictions import PredictionsScorer
from orchestrator.scoring.result_file import ResultFileScorer
from orchestrator.task import Task, load_task
from tests.scoring.test_predictions import Models, honest

PROJECT = Path(__file__).parents[2]
DIGITS, TEXT = PROJECT / "tests" / "tasks" / "digits", PROJECT / "train_template"


def task_with(tmp_path: Path, old: str, new: str, folder: Path = DIGITS) -> Task:
    text = (folder / "task.yaml").read_text()
    assert old in text
    (tmp_path / "task.yaml").write_text(text.replace(old, new))
    return load_task(tmp_path)


def test_each_source_measures_the_kind_of_task_that_it_is_for() -> None:
    found = check_measure(load_task(DIGITS), MetricPolicy(source="predictions"))
    assert found == Measure("accuracy", "share of digits read right", Direction.MAXIMIZE, "predictions")
    assert check_measure(load_task(TEXT), MetricPolicy()).verified
    assert not check_measure(load_task(TEXT), MetricPolicy(source="result_file")).verified
    assert not check_measure(load_task(DIGITS), MetricPolicy(source="result_file")).verified


def test_a_source_for_another_kind_is_refused_with_the_ones_that_would_do() -> None:
    with pytest.raises(SetupError, match="measures tasks of kind text") as refusal:
        check_measure(load_task(DIGITS), MetricPolicy())
    assert refusal.value.remedy == "set metric.source to predictions or result_file in the policy"
    with pytest.raises(SetupError, match="measures tasks of kind arrays"):
        check_measure(load_task(TEXT), MetricPolicy(source="predictions"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: accuracy", "name: beauty", "predictions have no metric 'beauty'"),
        ("direction: maximize", "direction: minimize", "accuracy is to maximize"),
    ],
)
def test_a_metric_that_is_none_or_goes_the_other_way_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(SetupError, match=said) as refusal:
        check_measure(task_with(tmp_path, old, new), MetricPolicy(source="predictions"))
    assert "task.yaml" in refusal.value.remedy


def test_likelihoods_are_not_maximized(tmp_path: Path) -> None:
    task = task_with(tmp_path, "direction: minimize", "direction: maximize", TEXT)
    with pytest.raises(SetupError, match="likelihoods are minimized"):
        check_measure(task, MetricPolicy())


def folder_of(path: Path, outputs: int) -> ArrayFolder:
    inputs = np.zeros((400, 2), dtype=np.float32)
    labels = np.zeros(400, dtype=np.int64 if outputs > 1 else np.float32)
    np.save(path / "val_inputs.npy", inputs)
    np.save(path / "val_labels.npy", labels)
    return ArrayFolder(path, {}, "", outputs)


def test_a_metric_of_classes_needs_classes(tmp_path: Path) -> None:
    task, metric = load_task(DIGITS), MetricPolicy(source="predictions")
    measure, profile, models = (
        check_measure(task, metric),
        task.profiles["cpu"].model_copy(update={"holdout_rows": 0}),
        Models(honest),
    )
    scorer = choose_scorer(measure, profile, folder_of(tmp_path, 3), models, metric)
    assert isinstance(scorer, PredictionsScorer)
    with pytest.raises(SetupError, match="accuracy is a metric of classes"):
        choose_scorer(measure, profile, folder_of(tmp_path, 1), models, metric)


def run_with(claims: dict[str, float]) -> Run:
    return Run("run", Outcome.COMPLETED, 1.0, result=ResultFile({}, claims, "a", "b", 1))


def test_a_self_reported_number_is_never_verified_and_loads_no_code() -> None:
    models = Models(honest)
    score = ResultFileScorer(models, "accuracy").score(run_with({"accuracy": 0.5}), lambda _: Action.REPEAT)
    assert (score.value, score.verified, score.stderr) == (0.5, False, 0.0)
    assert (models.batches, models.released) == ([], True)


@pytest.mark.parametrize("claims", [{}, {"Accuracy": 0.5}, {"accuracy": float("nan")}])
def test_a_number_that_is_missing_or_none_is_refused_by_its_name(claims: dict[str, float]) -> None:
    score = ResultFileScorer(Models(honest), "accuracy").score(run_with(claims), lambda _: Action.REPEAT)
    assert (score.value, score.verified) == (None, False)
    assert "'accuracy'" in score.reason
    assert "harness.save" in score.reason
