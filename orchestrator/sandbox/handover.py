"""Reads what the trusted reader handed over: text that a candidate wrote, into typed fields."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.records import ResultFile

MAX_CLAIMS = 32
MAX_DEPTH = 32
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class RefusedResult(Exception):  # noqa: N818 - the candidate's doing, not an error of ours
    """The output is not what harness.save writes; the message says why."""


def parse_handover(reply: bytes) -> ResultFile:
    """A ResultFile from the reader's reply. Raises RefusedResult."""
    message = _strict_json(reply.decode("utf-8", "replace"))
    if "refused" in message:
        raise RefusedResult(str(message["refused"])[:200])
    result = _strict_json(message["result"])
    config, claims = result.get("config"), result.get("claims")
    version = result.get("version")
    ours = type(version) is int and version == 1  # true and 1.0 equal 1
    if not (ours and isinstance(config, dict) and isinstance(claims, dict)):
        raise RefusedResult("result.json is not version 1 with config and claims")
    _check_storable(config)
    return ResultFile(
        config=config,
        claims=_finite_numbers(claims),
        result_sha256=message["result_sha256"],
        weights_sha256=message["weights_sha256"],
        weights_bytes=message["weights_bytes"],
    )


def _finite_numbers(claims: Mapping[str, Any]) -> dict[str, float]:
    if len(claims) > MAX_CLAIMS:
        raise RefusedResult(f"result.json has more than {MAX_CLAIMS} claims")
    for name, value in claims.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not _NAME.fullmatch(name) or not number or not _is_finite(value):
            raise RefusedResult(f"result.json has a claim that is no finite number: {name[:40]!r}")
    return {name: float(value) for name, value in claims.items()}


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _check_storable(value: Any, depth: int = 0) -> None:
    """Refuse what parses but cannot be written down again as JSON in UTF-8, or copied by recursion."""
    if depth > MAX_DEPTH:
        raise RefusedResult("result.json has a config that is nested too deep")
    if isinstance(value, str) and not _is_unicode(value):
        raise RefusedResult("result.json has a config that is not Unicode")
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedResult("result.json has a number in its config that is too large")
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        _check_storable(part, depth + 1)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _strict_json(text: str) -> dict[str, Any]:
    """A JSON object without duplicate keys, NaN or endless nesting. Raises RefusedResult."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedResult(f"result.json is not sound JSON: {str(error)[:80]}") from None
    if not isinstance(value, dict):
        raise RefusedResult("result.json is not an object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key stands twice")
    return unique


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
