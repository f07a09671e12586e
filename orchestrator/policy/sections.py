"""The sections of a policy: frozen models that know their keys, their bounds and which way is tighter.

What each key is for stands beside it in `policies/default.yaml`, and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orchestrator.policy.keys import (
    ALLOWED_IF_ANY,
    FORBIDDEN,
    HIGHER,
    LOWER,
    NEITHER,
    PATHS,
    PRICES,
    SCOPES,
    fixed,
    levels,
)

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Mib = Annotated[int, Field(ge=1, le=1_048_576)]


class Section(BaseModel):
    """Strict and frozen: an unknown key, a string for a number, or a bad value is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*")
    @classmethod
    def _names_are_plain_and_stand_once(cls, value: Any) -> Any:
        for names in [list(value), *value.values()] if isinstance(value, dict) else [value]:
            if isinstance(names, list):
                for name, count in Counter(names).items():
                    if count > 1:
                        raise ValueError(f"{name!r} stands twice")
                    if not name.isprintable():
                        raise ValueError(f"{name!a} has characters that cannot be shown")
        return value


class EditPolicy(Section):
    """What a proposal may change. The gate that enforces it is lint; the container is the boundary."""

    files: Annotated[list[str], PATHS] = Field(default=["train.py"], min_length=1)
    scopes: Annotated[dict[str, list[str]], SCOPES] = Field(default_factory=dict)
    max_file_kib: Annotated[int, LOWER] = Field(default=64, ge=1, le=1024)
    max_total_kib: Annotated[int, LOWER] = Field(default=256, ge=1, le=4096)
    max_changed_lines: Annotated[int, LOWER] = Field(default=400, ge=1, le=100_000)
    max_line_characters: Annotated[int, LOWER] = Field(default=2000, ge=80, le=100_000)
    max_tokens: Annotated[int, LOWER] = Field(default=25_000, ge=100, le=400_000)
    max_depth: Annotated[int, LOWER] = Field(default=50, ge=5, le=90)
    max_string_characters: Annotated[int, LOWER] = Field(default=8000, ge=80, le=32_768)
    max_opaque_characters: Annotated[int, LOWER] = Field(default=1024, ge=0, le=1_048_576)
    max_table_numbers: Annotated[int, LOWER] = Field(default=1024, ge=0, le=1_048_576)
    allowed_imports: Annotated[list[str], ALLOWED_IF_ANY] = Field(default_factory=list)
    forbidden_imports: Annotated[list[str], FORBIDDEN] = Field(default_factory=list)
    forbidden_calls: Annotated[list[str], FORBIDDEN] = Field(default_factory=list)

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

    runtime: Annotated[Literal["runc", "runsc"], fixed(levels("runc", "runsc"))] = "runc"
    network: Annotated[Literal["none"], levels("none")] = "none"
    device: Annotated[Literal["auto", "cpu", "nvidia", "amd"], fixed(NEITHER)] = "auto"
    cpus: Annotated[float, fixed(LOWER)] = Field(default=4.0, ge=0.01, le=1024, allow_inf_nan=False)
    memory_mib: Annotated[int, LOWER] = Field(default=32_768, ge=16, le=1_048_576)
    shm_mib: Annotated[Mib, LOWER] = 1024
    pids: Annotated[int, LOWER] = Field(default=1024, ge=16, le=32_768)
    open_files: Annotated[int, LOWER] = Field(default=4096, ge=64, le=1_048_576)
    tmp_mib: Annotated[Mib, LOWER] = 512
    work_mib: Annotated[Mib, LOWER] = 4096
    output_mib: Annotated[Mib, LOWER] = 2048
    output_files: Annotated[int, LOWER] = Field(default=64, ge=8, le=4096)
    log_kib: Annotated[int, LOWER] = Field(default=256, ge=1, le=65_536)


class BudgetPolicy(Section):
    """What one attempt and one night may spend."""

    train_seconds: Annotated[Seconds, fixed(LOWER)] = 300.0
    save_seconds: Annotated[Seconds, fixed(NEITHER)] = 5.0
    grace_seconds: Annotated[Seconds, LOWER] = 2.0
    start_seconds: Annotated[Seconds, LOWER] = 120.0
    smoke: Annotated[bool, HIGHER] = True
    smoke_seconds: Annotated[Seconds, LOWER] = 60.0
    refusals_in_a_row: Annotated[int, LOWER] = Field(default=10, ge=1, le=1000)
    faults_in_a_row: Annotated[int, LOWER] = Field(default=3, ge=1, le=100)
    outage_seconds: Annotated[Seconds, LOWER] = 600.0
    futility: Annotated[bool, NEITHER] = False
    futility_share: Annotated[float, NEITHER] = Field(default=0.4, ge=0, le=1, allow_inf_nan=False)
    futility_margin: Annotated[float, NEITHER] = Field(default=0.1, gt=0, le=100, allow_inf_nan=False)
    futility_points: Annotated[int, NEITHER] = Field(default=3, ge=1, le=64)
    futility_in_a_row: Annotated[int, NEITHER] = Field(default=3, ge=1, le=1000)

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

    prompt_tokens: Annotated[int, LOWER] = Field(default=60_000, ge=1000, le=10_000_000)
    output_tokens: Annotated[int, LOWER] = Field(default=16_384, ge=256, le=1_000_000)
    requests: Annotated[int, LOWER] = Field(default=1000, ge=1, le=1_000_000)
    tokens: Annotated[int, LOWER] = Field(default=20_000_000, ge=1, le=1_000_000_000_000)
    dollars: Annotated[float, LOWER] = Field(default=50.0, gt=0, le=1_000_000, allow_inf_nan=False)
    prices: Annotated[dict[str, Price], PRICES] = Field(default_factory=dict)
    when_spent: Annotated[Literal["tuner", "end"], NEITHER] = "tuner"
    retry_seconds: Annotated[Seconds, NEITHER] = 60.0
    retry_most_seconds: Annotated[Seconds, NEITHER] = 1800.0
    plateau: Annotated[int, NEITHER] = Field(default=12, ge=1, le=100_000)
    lessons_every: Annotated[int, NEITHER] = Field(default=20, ge=1, le=100_000)
    lessons_tokens: Annotated[int, NEITHER] = Field(default=800, ge=100, le=100_000)


class RepairPolicy(Section):
    """What happens to a proposal that is refused before it ran."""

    attempts: Annotated[int, LOWER] = Field(default=2, ge=0, le=20)


class PipelinePolicy(Section):
    """What the card does while nothing new is ready."""

    fill_after_seconds: Annotated[float, NEITHER] = Field(default=5.0, ge=0, le=86_400, allow_inf_nan=False)


class MetricPolicy(Section):
    """Where the deciding number comes from."""

    source: Annotated[
        Literal["claims", "predictions", "result_file"], fixed(levels("result_file", "claims|predictions"))
    ] = "claims"
    profile: Annotated[Literal["auto", "cpu", "gpu", "gpu-small"], fixed(NEITHER)] = "auto"
    load_seconds: Annotated[Seconds, LOWER] = 30.0
    frame_seconds: Annotated[Seconds, LOWER] = 30.0
    score_seconds: Annotated[Seconds, LOWER] = 120.0
    floor: Annotated[float, HIGHER] = Field(default=0.3, ge=0, le=100, allow_inf_nan=False)
    challenge_cuts: Annotated[int, fixed(HIGHER)] = Field(default=1024, ge=1, le=10_000_000)
    challenge_tolerance_nats: Annotated[float, LOWER] = Field(default=0.05, gt=0, le=10, allow_inf_nan=False)
    challenge_tolerance_share: Annotated[float, LOWER] = Field(default=0.02, gt=0, le=1, allow_inf_nan=False)


class DecisionPolicy(Section):
    """When an attempt replaces the best, and how often both are measured first."""

    rule: Annotated[Literal["sequential", "greedy"], levels("greedy", "sequential")] = "sequential"
    margin: Annotated[float, HIGHER] = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)
    baseline_runs: Annotated[int, HIGHER] = Field(default=3, ge=2, le=100)
    false_share: Annotated[float, LOWER] = Field(default=0.15, gt=0, le=1, allow_inf_nan=False)
    most_runs: Annotated[int, NEITHER] = Field(default=10, ge=1, le=100)
    plausible_drop: Annotated[float, LOWER] = Field(default=0.1, gt=0, le=1_000_000, allow_inf_nan=False)
    simplicity: Annotated[bool, NEITHER] = False
    simplicity_lines: Annotated[int, HIGHER] = Field(default=5, ge=1, le=100_000)
    simplicity_tolerance: Annotated[float, LOWER] = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)


class RecordsPolicy(Section):
    """What a run keeps beside what it rests on: audit log, commits and kept attempts are never cut."""

    keep_prompts: Annotated[bool, LOWER] = False
    max_prompt_kib: Annotated[int, LOWER] = Field(default=1024, ge=1, le=65_536)
    max_run_mib: Annotated[Mib, LOWER] = 4096


class Policy(Section):
    """The whole file. What runs attempts gets its own section, never all of it."""

    edit: EditPolicy = EditPolicy()
    sandbox: SandboxPolicy = SandboxPolicy()
    budget: BudgetPolicy = BudgetPolicy()
    metric: MetricPolicy = MetricPolicy()
    decision: DecisionPolicy = DecisionPolicy()
    model: ModelPolicy = ModelPolicy()
    repair: RepairPolicy = RepairPolicy()
    pipeline: PipelinePolicy = PipelinePolicy()
    records: RecordsPolicy = RecordsPolicy()

    @property
    def digest(self) -> str:
        """SHA-256 of the effective values, whatever files they came from."""
        return digest_of(self.values())

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.values(), sort_keys=False)

    def values(self) -> dict[str, Any]:
        """Every section's keys with their effective values, as plain JSON."""
        return self.model_dump(mode="json")


def digest_of(values: Mapping[str, Any]) -> str:
    """SHA-256 of a policy's values, as they stand in a log."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
