"""The task: the template folder, its entry points, its metric, and its evaluation shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from orchestrator.errors import SetupError
from orchestrator.policy import Section, first_problem, read_yaml_mapping

_EXAMPLE = "train_template/task.yaml"
Positive = Annotated[int, Field(ge=1)]


class Metric(Section):
    """What is measured, and which way is better."""

    name: str
    unit: str
    direction: Literal["minimize"]


class Profile(Section):
    """One size of the same task: the shapes that training is told and evaluation uses."""

    sequence_tokens: Annotated[int, Field(ge=8, le=65_536)]
    eval_rows: Positive
    holdout_rows: Annotated[int, Field(ge=0)] = 0
    eval_batch_rows: Annotated[int, Field(ge=1, le=4096)]
    data: str
    vocab_size: Annotated[int, Field(ge=260, le=65_535)]


class Task(Section):
    """`task.yaml` as read; `folder` is where it was found."""

    folder: Path = Field(strict=False)
    name: str
    entry_file: str
    entry_points: dict[str, Annotated[int, Field(ge=0)]]
    files: list[str]
    metric: Metric
    profiles: dict[Literal["cpu", "gpu"], Profile]

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


def load_task(folder: Path) -> Task:
    """Read `task.yaml` of a task folder. Raises SetupError that names file, key and reason."""
    path = folder / "task.yaml"
    try:
        return Task.model_validate({"folder": folder, **read_yaml_mapping(path, example=_EXAMPLE)})
    except ValidationError as error:
        raise SetupError(f"{path}: {first_problem(error)}", remedy=f"see {_EXAMPLE}") from None
