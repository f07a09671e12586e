"""Which scorer measures: told by the policy's `metric.source` together with the task."""

from __future__ import annotations

from orchestrator.arrays import ArrayFolder
from orchestrator.data import DataFolder, Prepared
from orchestrator.errors import SetupError
from orchestrator.policy import MetricPolicy
from orchestrator.ports import Models, Scorer
from orchestrator.records import Direction, Measure
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.figures import FIGURES
from orchestrator.scoring.held_out import held_out_of
from orchestrator.scoring.predictions import PredictionsScorer, examples_of
from orchestrator.scoring.result_file import ResultFileScorer
from orchestrator.task import ArrayProfile, Profile, Task, TextProfile

_KIND_OF = {"claims": "text", "predictions": "arrays"}


def check_measure(task: Task, metric: MetricPolicy) -> Measure:
    """What a run measures. Raises SetupError for a source that cannot measure this task."""
    measure = task.measure(metric)
    kind = _KIND_OF.get(measure.source, task.kind)
    if kind != task.kind:
        message = (
            f"metric.source {measure.source} measures tasks of kind {kind}, and {task.name} is {task.kind}"
        )
        source = next(source for source, kind in _KIND_OF.items() if kind == task.kind)
        raise SetupError(message, remedy=f"set metric.source to {source} or result_file in the policy")
    if measure.source == "claims" and measure.direction is not Direction.MINIMIZE:
        raise SetupError("likelihoods are minimized", remedy="set metric.direction to minimize in task.yaml")
    if measure.source == "predictions":
        _check_figure(measure)
    return measure


def _check_figure(measure: Measure) -> None:
    figure = FIGURES.get(measure.name)
    if figure is None:
        message = f"predictions have no metric {measure.name!r}"
        raise SetupError(message, remedy=f"set metric.name in task.yaml to one of {', '.join(FIGURES)}")
    if figure.direction is not measure.direction:
        wanted = figure.direction.value
        raise SetupError(
            f"{measure.name} is to {wanted}", remedy=f"set metric.direction to {wanted} in task.yaml"
        )


def choose_scorer(
    measure: Measure, profile: Profile, data: Prepared, models: Models, metric: MetricPolicy
) -> Scorer:
    """The scorer of a run. Raises SetupError for data that is not what it needs."""
    if not measure.verified:
        return ResultFileScorer(models, measure.name)
    rows, batch_rows = profile.eval_rows, profile.eval_batch_rows
    if isinstance(profile, TextProfile) and isinstance(data, DataFolder):
        length = profile.sequence_tokens
        held_out = held_out_of(data, rows=rows, length=length, batch_rows=batch_rows)
        spare = None
        if held := profile.holdout_rows:
            spare = held_out_of(data, rows=held, length=length, batch_rows=batch_rows, split="holdout")
        return ClaimsScorer(models, held_out, metric, spare)
    if isinstance(profile, ArrayProfile) and isinstance(data, ArrayFolder):
        figure = FIGURES[measure.name]
        if figure.of_classes is not (data.outputs > 1):
            what = "classes" if figure.of_classes else "one number a row"
            raise SetupError(
                f"{measure.name} is a metric of {what}", remedy=f"prepare such labels in {data.path}"
            )
        examples = examples_of(data, rows=rows, batch_rows=batch_rows)
        others = None
        if held := profile.holdout_rows:
            others = examples_of(data, rows=held, batch_rows=batch_rows, split="holdout")
        return PredictionsScorer(models, examples, figure, metric, others)
    raise SetupError(f"{data.path} is not data of the task's kind", remedy="run 'autoresearch data'")
