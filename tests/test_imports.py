"""Who may import whom: downwards only, adapters apart, one owner for each library, nothing done at import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# A part imports parts of a lower tier, and itself. A new part gets its place in the map here.
TIERS = {
    "errors": 0, "text": 0, "exchange": 0, "advisories": 0, "webhook": 0,
    "records": 1, "policy": 1, "orders": 1,
    "story": 2,
    "deciding": 2, "merging": 2, "background": 2, "patience": 2, "changes": 2,
    "ports": 3, "task": 3, "settings": 3, "data": 3, "decision": 3, "novelty": 3, "breadth": 3,
    "arrays": 4, "budget": 4, "preparation": 4, "futility": 4, "lint": 4, "testing": 4,
    "gate": 5, "proposers": 5, "sandbox": 5, "scoring": 5, "ledger": 5, "views": 5, "pipeline": 5,
    "lab": 6, "loop": 7,
    "assembly": 8, "researchers": 9,
    "proving": 10, "diagnosis": 10, "policy_work": 10, "night": 10, "morning": 10,
    "agents": 11, "trying": 11, "verbs": 11, "policy_verbs": 12, "looking": 12,
    "watching": 12, "cli": 13, "__main__": 14,
}  # fmt: skip
ADAPTERS = {"gate", "proposers", "sandbox", "scoring", "ledger", "views"}
# Only these know real adapters.
PUT_TOGETHER = {
    "assembly", "researchers", "proving", "diagnosis", "policy_work", "night", "morning", "agents", "trying",
    "verbs", "policy_verbs", "looking", "watching", "cli",
}  # fmt: skip

# Paths below orchestrator/ that may import a third-party library; no other one is known there.
OWNERS = {
    "docker": {"sandbox/engine.py", "sandbox/faults.py"},
    "pynvml": {"sandbox/nvml.py"},
    "requests": {"sandbox/engine.py", "sandbox/faults.py"},  # what docker's own exceptions turn out to be
    "openai": {"proposers/wire.py", "proposers/faults.py"},
    "httpx2": {"proposers/wire.py", "proposers/ollama.py"},
    "jinja2": {"views/report.py"},
    "markupsafe": {"views/report.py"},
    "matplotlib": {"views/chart.py"},
    "tensorboardX": {"views/tensorboard.py"},
    "optuna": {"proposers/tuner.py", "proposers/ranges.py"},
    "tiktoken": {"proposers/tokens.py"},
    "yaml": {"policy/*"},
    "mcp": {"agents/service.py"},
    "anyio": {"agents/service.py"},  # what the protocol's SDK runs on
    "pydantic": {"policy/*", "task.py", "settings.py", "agents/service.py", "ledger/shapes.py"},
    "typing_extensions": {"ledger/shapes.py"},  # whose TypedDict pydantic wants before Python 3.12
    "pydantic_settings": {"settings.py"},
    "rich": {"views/console.py", "views/live*.py", "proving/verb.py"},
    "sklearn": {"scoring/figures.py"},  # slow to import, so only when it computes
    "starlette": {"views/web.py"},
    "uvicorn": {"views/web.py"},
    "structlog": {"views/journal.py"},
    "numpy": {
        "ports.py",
        "arrays.py",
        "data.py",
        "deciding/*",
        "testing.py",
        "proposers/tuner.py",
        "proving/text.py",
        "sandbox/model.py",
        "scoring/*",
    },
}

# What would load or run a text as code on the host.
LOADERS = {
    "pickle", "marshal", "shelve", "runpy", "imp", "code", "codeop", "importlib", "importlib.util",
    "importlib.machinery", "torch", "safetensors",
}  # fmt: skip
RUNNERS = {"eval", "exec", "compile", "__import__"}


@dataclass(frozen=True)
class Import:
    """One imported module, and where."""

    module: str
    line: int
    names: tuple[str, ...] = ()

    @property
    def top(self) -> str:
        return self.module.split(".")[0]


def imports_of(tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(
                "." * node.level + (node.module or ""), node.lineno, tuple(a.name for a in node.names)
            )


def parsed(root: Path, folder: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((root / folder).rglob("*.py")):
        yield str(path.relative_to(root)), ast.parse(path.read_text(encoding="utf-8"), str(path))


def part_of(path: str) -> str:
    """`orchestrator/ledger/git.py` belongs to the part `ledger`, `orchestrator/loop.py` to `loop`."""
    return path.split("/")[1].removesuffix(".py")


def parts_imported(found: Import) -> list[str]:
    if found.top != "orchestrator":
        return []
    below = found.module.split(".")[1:]
    return below[:1] or list(found.names)


def upward(root: Path) -> Iterator[str]:
    for path, tree in parsed(root, "orchestrator"):
        part = part_of(path)
        if part == "__init__":
            continue
        if part not in TIERS:
            yield f"{path}:1: {part} has no tier: give it a place in the map"
            continue
        for found in imports_of(tree):
            if found.module.startswith("."):
                yield f"{path}:{found.line}: imports are absolute"
            for other in parts_imported(found):
                if other != part and TIERS.get(other, 99) >= TIERS[part]:
                    yield f"{path}:{found.line}: {part} may not import {other}"
                if other != part and other in ADAPTERS and part not in PUT_TOGETHER:
                    yield f"{path}:{found.line}: {part} knows the ports, not {other}"


def may_use(library: str, path: str) -> bool:
    below = path.removeprefix("orchestrator/")
    return any(Path(below).match(pattern) for pattern in OWNERS.get(library, ()))


def unowned(root: Path) -> Iterator[str]:
    own = {"orchestrator", "__future__", *sys.stdlib_module_names}
    for path, tree in parsed(root, "orchestrator"):
        for found in imports_of(tree):
            if found.top and found.top not in own and not may_use(found.top, path):
                yield f"{path}:{found.line}: {found.top} has its own place, which is not here"


FOLDERS = {"orchestrator", "sandbox_image", "train_template"}


def crossing(root: Path) -> Iterator[str]:
    for folder in sorted(FOLDERS):
        for path, tree in parsed(root, folder):
            for found in imports_of(tree):
                if found.top in FOLDERS - {folder}:
                    yield f"{path}:{found.line}: {folder} may not import {found.top}"


def code_from_text(root: Path) -> Iterator[str]:
    for path, tree in parsed(root, "orchestrator"):
        for found in imports_of(tree):
            names = {f"{found.module}.{name}" for name in found.names}
            if found.module in LOADERS or found.top in LOADERS - {"importlib"} or names & LOADERS:
                yield f"{path}:{found.line}: {found.module} could load what a candidate wrote"
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNNERS:
                yield f"{path}:{node.lineno}: {node.func.id} runs a text as code"


def mocks(root: Path) -> Iterator[str]:
    for path, tree in parsed(root, "tests"):
        for found in imports_of(tree):
            if found.module.startswith("unittest") or found.top in {"mock", "pytest_mock"}:
                yield f"{path}:{found.line}: {found.module}: a need for a mock means a missing port"
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in {"setattr", "setitem", "delattr"}:
                yield f"{path}:{node.lineno}: patching with .{node.attr}: a missing port"


ALLOWED_AT_IMPORT = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign,
    ast.AnnAssign,
)  # fmt: skip


def works_at_import(root: Path) -> Iterator[str]:
    for path, tree in parsed(root, "orchestrator"):
        for node in tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            guarded = isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", MAIN}
            harmless = isinstance(node, ALLOWED_AT_IMPORT) or docstring or guarded
            if not harmless and not path.endswith("__main__.py"):
                yield f"{path}:{node.lineno}: does something at import"


MAIN = "__name__ == '__main__'"
Rule = Callable[[Path], Iterator[str]]
RULES: list[Rule] = [upward, unowned, crossing, code_from_text, mocks, works_at_import]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    assert list(rule(ROOT)) == []


def test_every_part_of_the_host_is_seen() -> None:
    parts = {part_of(path) for path, _ in parsed(ROOT, "orchestrator")} - {"__init__"}
    assert {"errors", "records", "ports", "gate", "decision", "budget"} <= parts <= set(TIERS)


BROKEN = {
    "upward": [
        ("orchestrator/records.py", "from orchestrator.ports import Gate", "records may not import ports"),
        ("orchestrator/ports.py", "x = 1\nfrom orchestrator import cli", "ports may not import cli"),
        ("orchestrator/gate.py", "from orchestrator.ledger.git import x", "gate may not import ledger"),
        ("orchestrator/scoring/a.py", "import orchestrator.sandbox.engine", "scoring may not import sandbox"),
        (
            "orchestrator/loop.py",
            "def f():\n    from orchestrator.gate import x",
            "loop knows the ports, not gate",
        ),
        ("orchestrator/utils.py", "", "utils has no tier: give it a place in the map"),
        ("orchestrator/gate.py", "from .records import x", "imports are absolute"),
    ],
    "unowned": [
        ("orchestrator/gate.py", "import docker", "docker has its own place, which is not here"),
        ("orchestrator/cli.py", "import yaml", "yaml has its own place, which is not here"),
        ("orchestrator/scoring/a.py", "import scipy.stats", "scipy has its own place, which is not here"),
    ],
    "crossing": [
        (
            "orchestrator/task.py",
            "import train_template.harness",
            "orchestrator may not import train_template",
        ),
        ("sandbox_image/runner.py", "import orchestrator", "sandbox_image may not import orchestrator"),
        (
            "train_template/train.py",
            "from sandbox_image import x",
            "train_template may not import sandbox_image",
        ),
    ],
    "code_from_text": [
        ("orchestrator/gate.py", "import pickle", "pickle could load what a candidate wrote"),
        ("orchestrator/gate.py", "from importlib import util", "importlib could load what a candidate"),
        ("orchestrator/gate.py", "import importlib", "importlib could load what a candidate"),
        ("orchestrator/gate.py", "from torch.nn import Module", "torch.nn could load what a candidate wrote"),
        ("orchestrator/gate.py", "def f(x):\n    exec(x)", "exec runs a text as code"),
    ],
    "mocks": [
        ("tests/test_a.py", "from unittest import mock", "unittest: a need for a mock"),
        ("tests/test_a.py", "import unittest.mock", "unittest.mock: a need for a mock"),
        ("tests/test_a.py", "def test(m):\n    m.setattr('os.x', 1)", "patching with .setattr"),
    ],
    "works_at_import": [
        ("orchestrator/gate.py", "print('hello')", "does something at import"),
        ("orchestrator/gate.py", "for x in (): ...", "does something at import"),
    ],
}


@pytest.mark.parametrize(
    ("rule", "path", "text", "said"),
    [(rule, *case) for rule in RULES for case in BROKEN[rule.__name__]],
)
def test_a_file_that_breaks_a_rule_is_named_with_its_line(
    rule: Rule, path: str, text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    found = list(rule(tmp_path))
    assert found
    line = 1 + text.count("\n")
    assert found[0].startswith(f"{path}:{line}: ")
    assert said in found[0]


def test_what_the_rules_allow_is_not_named(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator" / "ledger" / "git.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        '"""Fine."""\nimport json\nfrom importlib.metadata import version\n'
        "from orchestrator.ledger.audit import x\nfrom orchestrator.records import Attempt\nX = 1\n",
        encoding="utf-8",
    )
    assert [line for rule in RULES for line in rule(tmp_path)] == []
