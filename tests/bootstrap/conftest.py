"""A copy of the tree, so that what a test breaks is not the tree that others use."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Ended = subprocess.CompletedProcess[str]
Program = Callable[..., Ended]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    copy = tmp_path / "tree"
    for folder in ("sandbox_image", "train_template"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "orchestrator").mkdir()
    for name in ("orchestrator/requirements.lock", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def python(tree: Path) -> Program:
    """Run this Python in the copy, with changes to the environment, optionally behind other words."""

    def run(*arguments: str, before: tuple[str, ...] = (), **changes: str) -> Ended:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **changes}
        argv = [*before, sys.executable, *arguments]
        return subprocess.run(
            argv, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    return run
