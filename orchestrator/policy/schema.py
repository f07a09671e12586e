"""The JSON Schema of a policy file, for editors that complete and check."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from orchestrator.policy.reading import Place, read_document
from orchestrator.policy.sections import Policy

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXTENDS = "another policy file, relative to this one; the keys here lie over its keys"


def policy_schema(explained: Path) -> dict[str, Any]:
    """The schema of the models; each description is the comment beside the key in the file `explained`."""
    schema, words = Policy.model_json_schema(), comments(explained)
    for section, outer in schema["properties"].items():
        kind = schema["$defs"][outer["$ref"].rpartition("/")[2]]
        outer["description"] = words.get((section,), kind["description"])
        for name, inner in kind["properties"].items():
            inner.pop("title", None)
            inner["description"] = words[section, name]
    schema["properties"] = {"extends": {"type": "string", "description": _EXTENDS}, **schema["properties"]}
    return {
        "$schema": DIALECT,
        **schema,
        "title": "Policy",
        "description": "A policy of autoresearch-sandbox.",
    }


def schema_text(explained: Path) -> str:
    """The schema as it is published."""
    return json.dumps(policy_schema(explained), indent=1) + "\n"


def comments(path: Path) -> Mapping[Place, str]:
    """The comment beside each section and key of a policy file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    places = {place: number for place, number in read_document(path).lines.items() if 0 < len(place) < 3}
    return {place: words for place, number in places.items() if (words := _comment(lines[number - 1 :]))}


def _comment(lines: list[str]) -> str:
    """The comment of the first line, and of the lines behind it that are nothing else."""
    first = re.search(r"\s#\s+(.+)", lines[0])
    rest = takewhile(bool, (re.fullmatch(r"\s+#\s+(.+)", line) for line in lines[1:]))
    return " ".join(match[1].strip() for match in (first, *rest) if match) if first else ""
