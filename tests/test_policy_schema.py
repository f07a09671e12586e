"""The published schema: current, with a description for every key, and of one mind with the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # mcp brings it
import pytest
import yaml

from orchestrator.cli import main
from orchestrator.policy.layers import keys_of_a_policy, read_policy

POLICIES = Path(__file__).parents[1] / "policies"
SHIPPED = sorted(POLICIES.glob("*.yaml"))


def published() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((POLICIES / "schema.json").read_text(encoding="utf-8"))
    return schema


def test_the_published_schema_is_what_the_verb_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "schema"]) == 0
    assert capsys.readouterr().out == (POLICIES / "schema.json").read_text(encoding="utf-8")


def test_the_schema_is_a_schema_and_describes_every_key() -> None:
    schema = published()
    jsonschema.Draft202012Validator.check_schema(schema)
    for key in keys_of_a_policy():
        section = schema["$defs"][schema["properties"][key.section]["$ref"].rpartition("/")[2]]
        assert section["properties"][key.name]["description"], key.place


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_file_names_the_schema_and_is_valid_by_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    jsonschema.validate(yaml.safe_load(text), published())


WRONG = [
    "budget: {train_second: 3.0}",
    "budgets: {}",
    "sandbox: {network: bridge}",
    "sandbox: {pids: 1}",
    "sandbox: {memory_mib: 4g}",
    "budget: {smoke: 'yes'}",
    "edit: {files: []}",
    "extends: [a]",
    "metric: {source: a_guess}",
]


@pytest.mark.parametrize("text", WRONG)
def test_the_schema_refuses_what_the_models_refuse(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert read_policy(path).problems
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), published())
