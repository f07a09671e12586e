"""The task: the template folder, its entry points, its metric, and its evaluation shapes.

A task has a kind, which says what its data is. `text`: rows of tokens, scored by likelihoods. `arrays`: rows
of numbers with a label each, scored by predictions. Either may report about itself instead (`result_file`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from orchestrator.errors import SetupError
from orchestrator.policy import MetricPolicy, Section, first_problem, read_yaml_mapping
from orchestrator.records import Direction, Measure

_EXAMPLE = "train_template/task.yaml"
Positive = Annotated[int, Field(ge=1)]
BatchRows = Annotated[int, Field(ge=1, le=4096)]
Size = Literal["cpu", "gpu", "gpu-small"]


class Metric(Section):
    """What is measured, and which way is better."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    unit: str
    direction: Annotated[Direction, Field(strict=False)]


class TextProfile(Section):
    """One size of a task on text: the shapes that training is told and evaluation uses."""

    sequence_tokens: Annotated[int, Field(ge=8, le=65_536)]
    eval_rows: Positive
    holdout_rows: Annotated[int, Field(ge=0)] = 0
    eval_batch_rows: BatchRows
    data: str
    vocab_size: Annotated[int, Field(ge=260, le=65_535)]

    @property
    def data_name(self) -> str:
        return f"{self.data}-{self.vocab_size}"


class ArrayProfile(Section):
    """One size of a task on labelled rows: how many rows decide, and how many are asked for at once."""

    eval_rows: Positive
    holdout_rows: Annotated[int, Field(ge=0)] = 0
    eval_batch_rows: BatchRows
    data: str

    @property
    def data_name(self) -> str:
        return self.data

    @model_validator(mode="after")
    def _a_row_can_have_other_neighbours(self) -> ArrayProfile:
        if 2 * self.eval_batch_rows > self.eval_rows:
            raise ValueError("eval_batch_rows is at most half of eval_rows")
        return self


class _Task(Section):
    """What the kinds have in common: `task.yaml` as read; `folder` is where it was found."""

    folder: Path = Field(strict=False)
    name: str
    entry_file: str
    entry_points: dict[str, Annotated[int, Field(ge=0)]]
    files: list[str]
    metric: Metric

    def read_files(self) -> dict[str, str]:
        """The template's editable files: path -> text. Raises SetupError."""
        try:
            return {name: (self.folder / name).read_text(encoding="utf-8") for name in self.files}
        except (OSError, UnicodeDecodeError) as error:
            message = f"the task's file cannot be read: {error}"
            raise SetupError(message, remedy=f"check {self.folder}") from None

    def read_agenda(self) -> str:
        """The text of program.md, what the person wants from the night. Raises SetupError."""
        path = self.folder / "program.md"
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"the agenda cannot be read: {error}", remedy=f"write {path}") from None

    def measure(self, metric: MetricPolicy) -> Measure:
        """What a run of this task measures under a policy."""
        return Measure(self.metric.name, self.metric.unit, self.metric.direction, metric.source)


class TextTask(_Task):
    """A task on text, in rows of tokens."""

    kind: Literal["text"] = "text"
    profiles: dict[Size, TextProfile]


class ArrayTask(_Task):
    """A task on rows of numbers with a label each."""

    kind: Literal["arrays"]
    profiles: dict[Size, ArrayProfile]


Task = TextTask | ArrayTask
Profile = TextProfile | ArrayProfile
_KINDS: Mapping[str, type[TextTask] | type[ArrayTask]] = {"text": TextTask, "arrays": ArrayTask}


def load_task(folder: Path) -> Task:
    """Read `task.yaml` of a task folder. Raises SetupError that names file, key and reason."""
    path = folder / "task.yaml"
    values = read_yaml_mapping(path, example=_EXAMPLE)
    kind = _KINDS.get(str(values.get("kind", "text")), TextTask)  # which refuses a kind that is none
    try:
        return kind.model_validate({"folder": folder, **values})
    except ValidationError as error:
        raise SetupError(f"{path}: {first_problem(error)}", remedy=f"see {_EXAMPLE}") from None
