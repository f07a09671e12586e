"""A task that is no language model, from the command line: labelled rows, real processes, real containers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from orchestrator.sandbox.engine import Engine
from tests.docker.workshop import Workshop

pytestmark = pytest.mark.docker

PROJECT = Path(__file__).parents[2]
TASK = PROJECT / "tests" / "tasks" / "digits"
POLICY = f"""\
extends: {TASK / "policy.yaml"}
sandbox: {{cpus: 1.0, memory_mib: 1024, pids: 256}}
budget: {{train_seconds: 25.0, save_seconds: 1.0, smoke: false, start_seconds: 240.0}}
"""
GOOD = (TASK / "train.py").read_text().replace("main() -> None:", "main(steps_at_most: int = 60) -> None:")
GOOD = GOOD.replace(">= harness.deadline():", ">= harness.deadline() or steps == steps_at_most:")
UNTRAINED = GOOD.replace("RATE = 0.003", "RATE = 0.0")
LISTS = GOOD.replace(
    "    images, labels", "    print(sorted(p.name for p in Path('/data').glob('*')))\n    images, labels"
)
LISTS = LISTS.replace("import time\n", "import time\nfrom pathlib import Path\n")


def answering(expression: str) -> str:
    """A network that is trained as the good one and, once it is served, answers something else."""
    served = f"        scores = self.out(x)\n        return scores if self.training else {expression}\n"
    return GOOD.replace("        return self.out(x)\n", served)


PLACES = "torch.arange(len(scores), device=scores.device)"
BY_PLACE = answering(f"scores + 4 * functional.one_hot({PLACES} % CLASSES, CLASSES)")
NO_NUMBERS = answering("scores / 0")
TOO_FEW = answering("scores[:, :9]")

Build = Callable[..., Workshop]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "data"
    subprocess.run([sys.executable, str(TASK / "prepare.py"), "--out", str(folder)], check=True)
    return folder


@pytest.fixture
def build(tmp_path: Path, digits: Path, engine: Engine) -> Build:
    def build(template: str, proposals: Sequence[str] = (), policy: str = "", metric: str = "") -> Workshop:
        shutil.copytree(TASK, tmp_path / "task")
        (tmp_path / "task" / "train.py").write_text(template)
        yaml = tmp_path / "task" / "task.yaml"
        yaml.write_text(yaml.read_text().replace("name: accuracy", f"name: {metric or 'accuracy'}"))
        (tmp_path / "policy.yaml").write_text(POLICY + policy)
        (tmp_path / "proposals").mkdir()
        for number, source in enumerate(proposals, start=1):
            (tmp_path / "proposals" / f"{number:04d}-proposal.py").write_text(source)
        return Workshop(tmp_path, digits, engine)

    return build


def replay(count: int, tag: str) -> list[str]:
    return ["run", "--tag", tag, "--proposer", "replay:proposals", "--experiments", str(count)]


def test_a_night_keeps_the_higher_accuracy_and_refuses_what_cheats(build: Build) -> None:
    workshop = build(UNTRAINED, [BY_PLACE, LISTS, NO_NUMBERS, TOO_FEW, UNTRAINED + "\n\nEND = 1\n"])
    done = workshop.call(*replay(6, "digits"), timeout=500.0)
    assert done.returncode == 0, done.stderr
    closed = [event for event in workshop.closed("digits") if event["status"] != "not run"]  # moved on
    assert [(event["action"], event["status"]) for event in closed] == [
        ("keep", "scored"),
        ("discard", "unscored"),
        ("keep", "scored"),
        ("discard", "unscored"),
        ("discard", "unscored"),
        ("discard", "scored"),
    ], done.stdout
    runs = [event for event in workshop.events("digits") if event["event"] == "attempt_measured"]
    assert [event["number"] for event in runs] == [event["number"] for event in closed]
    baseline, _, best, _, _, last = (event["score"]["value"] for event in runs)
    assert 0.0 < baseline < 0.4 < best <= 1.0
    assert last < best
    challenge = runs[2]["score"]["details"]["challenge"]
    assert best == min(challenge["first_value"], challenge["second_value"])
    by_place, _, no_numbers, too_few = (event["score"]["reason"] for event in runs[1:5])
    assert "predictions depended on other rows" in by_place
    assert "predictions were not finite in 50 of 50 rows of a batch" in no_numbers
    assert "forward gives another shape than the task wants" in too_few
    log = (workshop.runs / "digits/experiments/0003/log.txt").read_text()
    assert "'train_inputs.npy', 'train_labels.npy']" in log
    assert "val" not in log, "its labels never enter a volume"
    assert "holdout" not in log
    assert f"best {best:.6f} share of digits read right" in done.stdout
    assert "higher)" in done.stdout
    assert "self-reported" not in done.stdout
    assert (workshop.runs / "digits/results.tsv").read_text().startswith("commit\taccuracy\t")
    assert workshop.call("audit", "verify", "--tag", "digits").returncode == 0
    assert workshop.leftovers("digits") == []


def test_the_smoke_test_knows_tasks_without_text(build: Build) -> None:
    workshop = build(GOOD)
    (workshop.folder / "policy.yaml").write_text(POLICY.replace("smoke: false", "smoke: true"))
    scored = workshop.call("try", str(workshop.folder / "task" / "train.py"))
    assert scored.returncode == 0, scored.stderr
    others = workshop.folder / "others.py"
    others.write_text(answering("scores - scores.mean(0)"))
    refused = workshop.call("try", str(others))
    assert refused.returncode == 1
    assert "smoke: predictions depended on other rows" in refused.stdout


def test_a_number_of_the_candidates_own_is_called_so_everywhere_and_never_mixed(build: Build) -> None:
    source = "metric: {source: result_file}\n"
    workshop = build(UNTRAINED, [GOOD], source, metric="train_accuracy")
    done = workshop.call(*replay(2, "own"), timeout=300.0)
    assert done.returncode == 0, done.stderr
    closed = workshop.closed("own")
    assert [event["action"] for event in closed] == ["keep", "keep"]
    runs = [event for event in workshop.events("own") if event["event"] == "attempt_measured"]
    assert [event["score"]["verified"] for event in runs] == [False, False]
    assert workshop.events("own")[0]["measure"]["source"] == "result_file"
    assert done.stdout.count("keep (self-reported)") == 4, "two lines while it runs, two in the table"
    assert "share of digits read right (self-reported)" in done.stdout
    status = workshop.call("status", "--tag", "own").stdout
    assert status.count("(self-reported)") == 3
    rows = (workshop.runs / "own/results.tsv").read_text().splitlines()
    assert [row.split("\t")[4].startswith("[self-reported] ") for row in rows[1:]] == [True, True]
    (workshop.folder / "policy.yaml").write_text(POLICY)
    task = workshop.folder / "task" / "task.yaml"
    task.write_text(task.read_text().replace("train_accuracy", "accuracy"))
    refused = workshop.call(*replay(1, "own"))
    assert refused.returncode == 2
    assert "was made with another metric" in refused.stderr
    assert "choose another --tag" in refused.stderr


def test_a_number_that_is_not_in_the_result_file_is_asked_for(build: Build) -> None:
    workshop = build(GOOD, policy="metric: {source: result_file}\n", metric="honesty")
    tried = workshop.call("try", str(workshop.folder / "task" / "train.py"))
    assert tried.returncode == 1
    assert "result.json has no number 'honesty'" in tried.stdout
