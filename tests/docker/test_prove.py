"""`autoresearch prove` as a person calls it: what is stopped, what is not, and what proves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.proving.program import GROUPS
from orchestrator.sandbox.container import RUN_LABEL
from orchestrator.sandbox.engine import Engine

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
WRITES = '''"""Writes a file in {place}.

layer: {layer}
stopped: errno {errno}
control: lift {guard}
"""

import pathlib
import probe


def attack():
    return pathlib.Path("{place}/mark").write_text("mark")


main = probe.attempting(attack)
'''


def prove(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestrator", "prove", "--policy", "policies/demo.yaml", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def rows_of(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert done.stdout, done.stderr
    return {row["id"]: row for row in json.loads(done.stdout)["programs"]}


def test_the_whole_suite_is_stopped_and_leaves_nothing(engine: Engine) -> None:
    done = prove("--json")
    rows = rows_of(done)
    assert {i: r["evidence"] for i, r in rows.items() if r["outcome"] != "stopped"} == {}, done.stderr[-3000:]
    assert done.returncode == 0
    assert len(rows) >= 90
    assert {row["group"] for row in rows.values()} == set(GROUPS)
    wanted = {"id", "group", "tries", "layer", "outcome", "evidence", "seconds"}
    assert all(wanted <= row.keys() for row in rows.values())
    assert json.loads(done.stdout)["tier"] == "runc"
    assert max(row["overrun"] for row in rows.values()) <= 0.5
    assert [c["Names"] for c in engine.containers(f"{RUN_LABEL}=prove")] == []
    assert [v["Name"] for v in engine.volumes(f"{RUN_LABEL}=prove")] == []


def test_what_gets_through_what_is_vacuous_and_what_is_unexpected_are_told_apart(tmp_path: Path) -> None:
    programs = {
        "sealed": WRITES.format(place="/opt", layer="a read-only root", errno="EROFS", guard="root, user"),
        "through": WRITES.format(
            place="/work", layer="a wall that is not there", errno="EROFS", guard="root"
        ),
        "vacuous": WRITES.format(place="/opt", layer="a read-only root", errno="EROFS", guard="network"),
        "unexpected": WRITES.format(place="/opt", layer="a filter", errno="EPERM", guard="root, user"),
    }
    (tmp_path / "files").mkdir()
    for name, source in programs.items():
        (tmp_path / "files" / f"{name}.py").write_text(source)
    done = prove("--programs", str(tmp_path), "--json")
    rows = rows_of(done)
    assert {i: row["outcome"] for i, row in rows.items()} == {
        "files/sealed": "stopped",
        "files/through": "through",
        "files/vacuous": "vacuous",
        "files/unexpected": "error",
    }
    assert done.returncode == 1
    assert "EROFS" in rows["files/unexpected"]["evidence"]


def test_the_table_names_each_program_by_its_group_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    source = WRITES.format(place="/opt", layer="a read-only root", errno="EROFS", guard="root, user")
    (tmp_path / "files" / "sealed.py").write_text(source)
    done = prove("--programs", str(tmp_path), "--group", "files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nfiles\n" in done.stdout
    assert "1 programs at the runc tier" in done.stdout
    assert "1 stopped" in done.stdout


def test_no_engine_is_one_line_and_a_remedy() -> None:
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    command = [sys.executable, "-m", "orchestrator", "prove"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no Docker engine answers" in done.stderr
