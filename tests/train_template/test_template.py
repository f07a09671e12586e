from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from orchestrator.task import load_task

TEMPLATE = Path(__file__).parents[2] / "train_template"
TRAIN = ast.parse((TEMPLATE / "train.py").read_text(encoding="utf-8"))
LIBRARIES = {"torch", "numpy", "safetensors", "harness"}
HOST_LIBRARIES = {"numpy", "pyarrow", "rustbpe", "tiktoken", "corpus"}


def constants() -> dict[str, ast.expr]:
    """The module's assignments to names in capitals."""
    found = {}
    for node in TRAIN.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.isupper():
                found[name] = node.value
    return found


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in {int, float}


def imported(path: Path) -> set[str]:
    """The top-level names of everything that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | froms}


def test_every_constant_is_a_number_or_one_number_for_each_size() -> None:
    values = {name: value for name, value in constants().items() if name not in {"GPU", "SMALL"}}
    assert len(values) >= 12
    for name, value in values.items():
        if isinstance(value, ast.IfExp):
            assert isinstance(value.test, ast.Name), name
            assert value.test.id == "GPU", name
            assert is_number(value.body), name
            assert is_number(value.orelse), name
        else:
            assert is_number(value), name


def test_every_constant_is_explained_on_its_line() -> None:
    lines = (TEMPLATE / "train.py").read_text(encoding="utf-8").splitlines()
    for name, value in constants().items():
        assert name == "GPU" or "  # " in lines[value.lineno - 1], name


def test_no_constant_is_assigned_twice_or_changed_in_a_function() -> None:
    stores = [
        node.id
        for node in ast.walk(TRAIN)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in constants()
    ]
    assert sorted(stores) == sorted(constants())


def test_the_training_script_has_the_tasks_entry_points() -> None:
    task = load_task(TEMPLATE)
    functions = {node.name: len(node.args.args) for node in TRAIN.body if isinstance(node, ast.FunctionDef)}
    for name, arguments in task.entry_points.items():
        assert functions[name] == arguments


def test_importing_the_training_script_does_no_work() -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.ClassDef, ast.Expr)
    for node in TRAIN.body:
        assert isinstance(node, allowed), ast.unparse(node)
        assert not (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)), ast.unparse(
            node
        )


def test_the_training_script_stays_readable() -> None:
    assert len((TEMPLATE / "train.py").read_text(encoding="utf-8").splitlines()) <= 400
    assert len((TEMPLATE / "program.md").read_text(encoding="utf-8").splitlines()) < 80


@pytest.mark.parametrize("name", ["train.py", "harness.py"])
def test_what_enters_the_container_imports_only_what_the_image_has(name: str) -> None:
    assert imported(TEMPLATE / name) <= LIBRARIES | sys.stdlib_module_names


def test_what_runs_on_the_host_imports_neither_framework_nor_orchestrator() -> None:
    for path in [TEMPLATE / "prepare.py", *(TEMPLATE / "corpus").glob("*.py")]:
        assert imported(path) <= HOST_LIBRARIES | sys.stdlib_module_names, path


def test_nothing_is_pickled() -> None:
    for path in TEMPLATE.rglob("*.py"):
        assert not imported(path) & {"pickle", "marshal", "shelve", "joblib"}, path
        assert "torch.load" not in path.read_text(encoding="utf-8"), path


def test_the_task_reads_its_agenda_and_files() -> None:
    task = load_task(TEMPLATE)
    assert set(task.read_files()) == {"train.py"}
    assert task.metric.name in task.read_agenda()
    assert set(task.profiles) == {"cpu", "gpu", "gpu-small"}
