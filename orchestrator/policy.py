"""The policy: what may be edited, used, accepted and spent. Read from YAML, refused on any doubt.

Every section is a frozen model that knows its own keys and bounds; each part of the program gets
its section and never the whole. A file may say `extends: other.yaml`; its keys then lie over the
other file's keys.
"""

from __future__ import annotations

import hashlib
import json
import reprlib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from orchestrator.errors import SetupError
from orchestrator.text import sanitise_line

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Mib = Annotated[int, Field(ge=1, le=1_048_576)]


class Section(BaseModel):
    """Strict and frozen: an unknown key, a string for a number, or a bad value is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EditPolicy(Section):
    """What a proposal may change. The gate that enforces it is lint; the container is the boundary."""

    files: list[str] = Field(default=["train.py"], min_length=1)
    scopes: dict[str, list[str]] = Field(default_factory=dict)
    max_file_kib: int = Field(default=64, ge=1, le=1024)
    max_total_kib: int = Field(default=256, ge=1, le=4096)
    max_changed_lines: int = Field(default=400, ge=1, le=100_000)
    max_line_characters: int = Field(default=2000, ge=80, le=100_000)
    max_tokens: int = Field(default=25_000, ge=100, le=400_000)
    max_depth: int = Field(default=50, ge=5, le=90)
    max_string_characters: int = Field(default=8000, ge=80, le=32_768)
    max_opaque_characters: int = Field(default=1024, ge=0, le=1_048_576)
    max_table_numbers: int = Field(default=1024, ge=0, le=1_048_576)
    forbidden_imports: list[str] = Field(default_factory=list)
    allowed_imports: list[str] = Field(default_factory=list)
    forbidden_calls: list[str] = Field(default_factory=list)

    @field_validator("files")
    @classmethod
    def _plain_relative_paths(cls, files: list[str]) -> list[str]:
        for name in files:
            path = PurePosixPath(name)
            plain = name.removesuffix("/") == str(path) and not path.is_absolute() and ".." not in path.parts
            odd = not path.parts or path.parts[0].startswith(".") or set(name) & set("*?[]")
            if not plain or odd or not name.endswith((".py", "/")):
                raise ValueError(f"{name!r} is not a plain relative path of a .py file or a folder/")
        return files

    @field_validator("allowed_imports")
    @classmethod
    def _names_of_modules(cls, modules: list[str]) -> list[str]:
        for name in modules:
            if not all(part.isidentifier() for part in name.split(".")):
                raise ValueError(f"{name!r} is not the name of a module")
        return modules

    @model_validator(mode="after")
    def _scopes_are_names_in_files_that_may_change(self) -> EditPolicy:
        folders = tuple(entry for entry in self.files if entry.endswith("/"))
        for path, names in self.scopes.items():
            if path.endswith("/") or not (path in self.files or path.startswith(folders)):
                raise ValueError(f"scopes: {path!r} is not one of the files that may change")
            for name in names:
                if not name.isidentifier():
                    raise ValueError(f"scopes: {name!r} is not a name of a program")
        return self


class SandboxPolicy(Section):
    """What each container gets. Everything not named here is refused by the engine."""

    runtime: Literal["runc", "runsc"] = "runc"
    network: Literal["none"] = "none"
    device: Literal["auto", "cpu", "nvidia", "amd"] = "auto"
    cpus: float = Field(default=4.0, gt=0, le=1024, allow_inf_nan=False)
    memory_mib: Mib = 32_768
    shm_mib: Mib = 1024
    pids: int = Field(default=1024, ge=16, le=32_768)
    open_files: int = Field(default=4096, ge=64, le=1_048_576)
    tmp_mib: Mib = 512
    work_mib: Mib = 4096
    output_mib: Mib = 2048
    output_files: int = Field(default=64, ge=8, le=4096)
    log_kib: int = Field(default=256, ge=1, le=65_536)


class BudgetPolicy(Section):
    """What one attempt and one night may spend."""

    train_seconds: Seconds = 300.0
    save_seconds: Seconds = 5.0
    grace_seconds: Seconds = 2.0
    start_seconds: Seconds = 120.0
    smoke: bool = True
    smoke_seconds: Seconds = 60.0
    refusals_in_a_row: int = Field(default=10, ge=1, le=1000)
    faults_in_a_row: int = Field(default=3, ge=1, le=100)
    outage_seconds: Seconds = 600.0
    futility: bool = False
    futility_share: float = Field(default=0.4, ge=0, le=1, allow_inf_nan=False)
    futility_margin: float = Field(default=0.1, gt=0, le=100, allow_inf_nan=False)
    futility_points: int = Field(default=3, ge=1, le=64)
    futility_in_a_row: int = Field(default=3, ge=1, le=1000)

    @model_validator(mode="after")
    def _saving_leaves_time_to_train(self) -> BudgetPolicy:
        if self.save_seconds > self.train_seconds / 2:
            raise ValueError("save_seconds is part of train_seconds and at most half of it")
        return self


class Price(Section):
    """Dollars for a million tokens; `cached` is that of prompt tokens that the endpoint had at hand."""

    input: float = Field(ge=0, le=1_000_000, allow_inf_nan=False)
    output: float = Field(ge=0, le=1_000_000, allow_inf_nan=False)
    cached: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)


class ModelPolicy(Section):
    """What the language model is told, and what it may cost from one start on."""

    prompt_tokens: int = Field(default=60_000, ge=1000, le=10_000_000)
    output_tokens: int = Field(default=16_384, ge=256, le=1_000_000)
    requests: int = Field(default=1000, ge=1, le=1_000_000)
    tokens: int = Field(default=20_000_000, ge=1, le=1_000_000_000_000)
    dollars: float = Field(default=50.0, gt=0, le=1_000_000, allow_inf_nan=False)
    prices: dict[str, Price] = Field(default_factory=dict)
    when_spent: Literal["tuner", "end"] = "tuner"
    retry_seconds: Seconds = 60.0
    retry_most_seconds: Seconds = 1800.0
    plateau: int = Field(default=12, ge=1, le=100_000)
    lessons_every: int = Field(default=20, ge=1, le=100_000)
    lessons_tokens: int = Field(default=800, ge=100, le=100_000)


class RepairPolicy(Section):
    """What happens to a proposal that is refused before it ran."""

    attempts: int = Field(default=2, ge=0, le=20)


class PipelinePolicy(Section):
    """What the card does while nothing new is ready."""

    fill_after_seconds: float = Field(default=5.0, ge=0, le=86_400, allow_inf_nan=False)


class MetricPolicy(Section):
    """Where the deciding number comes from."""

    source: Literal["claims", "predictions", "result_file"] = "claims"
    load_seconds: Seconds = 30.0
    frame_seconds: Seconds = 30.0
    score_seconds: Seconds = 120.0
    floor: float = Field(default=0.3, ge=0, le=100, allow_inf_nan=False)
    challenge_cuts: int = Field(default=1024, ge=1, le=10_000_000)
    challenge_tolerance_nats: float = Field(default=0.05, gt=0, le=10, allow_inf_nan=False)
    challenge_tolerance_share: float = Field(default=0.02, gt=0, le=1, allow_inf_nan=False)


class DecisionPolicy(Section):
    """When an attempt replaces the best, and how often both are measured first."""

    rule: Literal["sequential", "greedy"] = "sequential"
    margin: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)
    baseline_runs: int = Field(default=3, ge=2, le=100)
    false_share: float = Field(default=0.15, gt=0, le=1, allow_inf_nan=False)
    most_runs: int = Field(default=10, ge=1, le=100)
    plausible_drop: float = Field(default=0.1, gt=0, le=1_000_000, allow_inf_nan=False)
    simplicity: bool = False
    simplicity_lines: int = Field(default=5, ge=1, le=100_000)
    simplicity_tolerance: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)


class Policy(Section):
    """The whole file. `cli` hands its sections out; nothing else sees all of it."""

    edit: EditPolicy = EditPolicy()
    sandbox: SandboxPolicy = SandboxPolicy()
    budget: BudgetPolicy = BudgetPolicy()
    metric: MetricPolicy = MetricPolicy()
    decision: DecisionPolicy = DecisionPolicy()
    model: ModelPolicy = ModelPolicy()
    repair: RepairPolicy = RepairPolicy()
    pipeline: PipelinePolicy = PipelinePolicy()

    @property
    def digest(self) -> str:
        """SHA-256 of the effective values, whatever files they came from."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_policy(path: Path) -> Policy:
    """Read a policy file and everything it extends.

    Raises SetupError that names file, key and reason.
    """
    values = _read_layers(path, seen=())
    try:
        return Policy.model_validate(values)
    except ValidationError as error:
        raise SetupError(f"{path}: {first_problem(error)}", remedy=_REMEDY) from None


_EXAMPLE = "policies/default.yaml"
_REMEDY = f"every key is explained in {_EXAMPLE}"
_LONGEST_PROBLEM = 200


def _read_layers(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    values = read_yaml_mapping(path)
    if path.resolve() in seen:
        raise SetupError(f"{path}: extends itself", remedy="remove the circle of 'extends'")
    if not values:
        raise SetupError(f"{path}: is empty", remedy="start it with 'extends: default.yaml'")
    parent = values.pop("extends", None)
    if parent is None:
        return values
    if not isinstance(parent, str) or not parent.isprintable():
        raise SetupError(f"{path}: extends: takes one file name", remedy=_REMEDY)
    return _overlay(_read_layers(path.parent / parent, (*seen, path.resolve())), values)


def _overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _overlay(old, value) if both else value  # type: ignore[arg-type]
    return merged


def read_yaml_mapping(path: Path, *, example: str = _EXAMPLE) -> dict[str, Any]:
    """One YAML mapping from a file that the user wrote; duplicate keys and aliases are refused.

    Raises SetupError when the file is missing, is not YAML, or is not a mapping; `example` is a sound one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SetupError(f"{path}: no such file", remedy=f"see {example}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: cannot be read: {error}", remedy="check the path") from None
    loaded = _parsed(path, text)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise SetupError(f"{path}: is not a mapping of keys to values", remedy=f"see {example}")
    return loaded


def _parsed(path: Path, text: str) -> Any:
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        problem = sanitise_line(_yaml_problem(error), _LONGEST_PROBLEM)
    except RecursionError:
        problem = "is nested too deeply"
    raise SetupError(f"{path}: {problem}", remedy="fix the YAML")


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader without aliases, and without what plain YAML overrides silently or raises as it comes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # not in stubs
            raise _at(mark, "an alias is not allowed here: write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise _at(key.start_mark, "a key is one plain word")
            if key.value in seen:
                raise _at(key.start_mark, f"the key {key.value!r} stands twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            kind = node.tag.rpartition(":")[2]
            raise _at(node.start_mark, f"{reprlib.repr(node.value)} cannot be read as {kind}") from None


def _at(mark: yaml.Mark, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}{getattr(error, 'problem', None) or 'is not YAML'}"


def first_problem(error: ValidationError) -> str:
    """One line from pydantic's first complaint: the key, what is wrong, and what was given."""
    first = error.errors()[0]
    key = sanitise_line(".".join(str(part) for part in first["loc"]), _LONGEST_PROBLEM) or "the file"
    if first["type"] == "extra_forbidden":
        return f"{key}: is not a key of a policy"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message[0].lower()}{message[1:]} (got {_shown(first['input']):.60})"


def _shown(value: object) -> str:
    """As in Python, but short, and soon: neither a nest of lists nor a long number is written out."""
    try:
        return reprlib.repr(value)
    except ValueError:
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else "a long number"
