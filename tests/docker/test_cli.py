"""The program as a person starts it: real processes, real containers, real git."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.data import DataFolder
from orchestrator.sandbox.engine import Engine
from tests.docker.conftest import candidate
from tests.docker.workshop import Workshop, set_up
from tests.proposers.openai_server import OpenAIServer, Raw, Status, Text

pytestmark = pytest.mark.docker

HONEST = candidate("honest")
BETTER = HONEST.replace("steps: int = 40", "steps: int = 400")
WORSE = HONEST.replace("steps: int = 40", "steps: int = 1")
BROKEN = HONEST.replace("def main", "def main(")
SLOW = HONEST.replace("model, loss = train()", "import time; time.sleep(4); model, loss = train()")

Build = Callable[..., Workshop]


@pytest.fixture
def build(tmp_path: Path, data: DataFolder, engine: Engine) -> Build:
    def build(proposals: Sequence[str] = (), template: str = HONEST) -> Workshop:
        set_up(tmp_path, template, proposals)
        return Workshop(tmp_path, data.path, engine)

    return build


@pytest.fixture
def night(build: Build) -> Workshop:
    """A workshop whose attempts last long enough to be interrupted."""
    return build([SLOW.replace("sleep(4)", f"sleep(4.{n})") for n in range(1, 9)])


def replay(*words: str, tag: str) -> list[str]:
    return ["run", "--tag", tag, "--proposer", "replay:proposals", *words]


def test_a_night_keeps_what_helps_and_records_everything(build: Build) -> None:
    workshop = build([BETTER, BROKEN, WORSE, candidate("raises_at_step_one")])
    workshop = replace(workshop, extra_environment={"AUTORESEARCH_REPORT": "true"})
    done = workshop.call(*replay("--experiments", "4", tag="night"))
    assert done.returncode == 0, done.stderr
    closed = workshop.closed("night")
    assert {(event["number"], event["action"], event["status"]) for event in closed} == {
        (1, "keep", "scored"),
        (2, "keep", "scored"),
        (3, "discard", "refused"),
        (4, "discard", "not run"),  # it was ready when 2 became the best, and did not fit it
        (5, "discard", "scored"),
        (6, "discard", "crashed"),
    }
    values = [event["values"][0] for event in closed if event["status"] == "scored"]
    assert values[1] < values[0] < values[2]
    assert workshop.best_source("night") == BETTER
    table = (workshop.runs / "night/results.tsv").read_text().splitlines()
    statuses = [line.split("\t")[3] for line in table]
    assert statuses == ["status", "keep", "keep", "discard", "crash"]
    assert workshop.call("audit", "verify", "--tag", "night").returncode == 0
    assert "network: none" in (workshop.runs / "night/policy.yaml").read_text()
    journal = (workshop.runs / "night/orchestrator.log").read_text().splitlines()
    assert sum(json.loads(line)["event"] == "attempt_closed" for line in journal) == 6
    assert workshop.leftovers("night") == []
    assert "best" in workshop.call("status", "--tag", "night").stdout
    assert "report: " in done.stdout
    page = (workshop.runs / "night/report.html").read_text()
    assert "1 of 4 changes were kept" in page
    assert "Verified when this was made" in page
    assert (workshop.runs / "night/progress.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_start_goes_on_from_the_best_without_a_second_baseline(build: Build) -> None:
    workshop = build([BETTER, WORSE])
    assert workshop.call(*replay("--experiments", "2", tag="again")).returncode == 0
    second = workshop.call(*replay("--experiments", "2", tag="again"))
    assert second.returncode == 0, second.stderr
    assert [event["number"] for event in workshop.closed("again")] == [1, 2, 3, 4]
    assert "baseline" not in second.stdout.split("#", 1)[0]
    assert workshop.best_source("again") == BETTER


def test_used_up_proposals_end_the_night_well(build: Build) -> None:
    workshop = build([BETTER])
    done = workshop.call(*replay("--experiments", "9", tag="short"))
    assert done.returncode == 0, done.stderr
    assert len(workshop.closed("short")) == 2


def test_one_interrupt_ends_after_the_current_experiment(night: Workshop) -> None:
    started = night.start(*replay("--experiments", "8", tag="once"))
    started.await_line("training", count=2)
    started.signal(signal.SIGINT)
    code, output = started.end()
    assert code == 0, output
    assert "SIGINT: ends after the current run" in output
    assert len(night.closed("once")) == 2
    assert night.leftovers("once") == []


def test_two_interrupts_end_at_once_and_the_attempt_is_run_again(night: Workshop) -> None:
    started = night.start(*replay("--experiments", "8", tag="twice"))
    started.await_line("training", count=2)
    started.signal(signal.SIGINT)
    started.await_line("SIGINT")
    began = time.monotonic()
    started.signal(signal.SIGINT)
    code, output = started.end()
    assert code == 130, output
    assert time.monotonic() - began < 15
    assert night.leftovers("twice") == []
    assert len(night.closed("twice")) == 1
    assert night.call(*replay("--experiments", "1", tag="twice")).returncode == 0
    events = [(e["event"], e.get("number")) for e in night.events("twice")]
    assert ("attempt_resumed", 2) in events
    assert events.count(("attempt_opened", 2)) == 1
    assert night.call("audit", "verify", "--tag", "twice").returncode == 0


@pytest.mark.parametrize("moment", ["run killed", "baseline", "training", "scoring", "keep"])
def test_a_kill_at_any_moment_loses_nothing_and_leaves_no_container(night: Workshop, moment: str) -> None:
    started = night.start(*replay("--experiments", "8", tag="killed"))
    started.await_line(moment)
    started.signal(signal.SIGKILL)
    started.end()
    assert night.await_no_leftovers("killed") == []
    again = night.call(*replay("--experiments", "1", tag="killed"))
    assert again.returncode == 0, again.stderr
    verified = night.call("audit", "verify", "--tag", "killed")
    assert verified.returncode == 0, verified.stderr
    numbers = [event["number"] for event in night.closed("killed")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_second_run_on_the_same_tag_is_refused(night: Workshop) -> None:
    started = night.start(*replay("--experiments", "2", tag="shared"))
    started.await_line("training")
    second = night.call(*replay("--experiments", "1", tag="shared"))
    assert second.returncode == 2
    assert "already in progress" in second.stderr
    code, output = started.end()
    assert code == 0, output


def test_a_model_behind_an_endpoint_proposes_and_its_key_is_recorded_nowhere(build: Build) -> None:
    line = "def train(steps: int = 40) -> tuple[nn.Module, float]:"
    edit = f"<<<<<<< SEARCH\n{line}\n=======\n{line.replace('40', '400')}\n>>>>>>> REPLACE"
    lost = edit.replace(line, "def no_such_line():", 1)
    start = "TITLE: more steps\nHYPOTHESIS: it helps\ntrain.py\n"
    server = OpenAIServer([Text(start + lost), Text(start + edit)])
    key = "sk-canary-0123456789abcdef"
    with server:
        address = {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": server.base_url}
        workshop = replace(build(), extra_environment=address)
        done = workshop.call("run", "--tag", "model", "--experiments", "2")
    assert done.returncode == 0, done.stderr
    assert [(e["action"], e["status"]) for e in workshop.closed("model")] == [
        ("keep", "scored"),
        ("discard", "refused"),
        ("keep", "scored"),
    ]
    assert workshop.best_source("model") == BETTER
    everything = b"".join(p.read_bytes() for p in workshop.runs.rglob("*") if p.is_file())
    assert key.encode() not in everything + done.stdout.encode() + done.stderr.encode()
    assert len(server.requests) == 2


def test_a_night_whose_model_goes_down_goes_on_with_the_tuner_and_says_what_it_cost(build: Build) -> None:
    line = "def train(steps: int = STEPS) -> tuple[nn.Module, float]:"
    tunable = HONEST.replace("def train(steps: int = 40)", "STEPS = 40\n\n\ndef train(steps: int = STEPS)")
    edit = f"<<<<<<< SEARCH\n{line}\n=======\n{line.replace('STEPS', '400')}\n>>>>>>> REPLACE"
    answer = Text(f"TITLE: more steps\nHYPOTHESIS: it helps\ntrain.py\n{edit}")
    with OpenAIServer([answer, Status(400)]) as server:
        address = {"OPENAI_BASE_URL": server.base_url, "AUTORESEARCH_MODEL": "small"}
        workshop = replace(build(template=tunable), extra_environment=address)
        policy = workshop.folder / "policy.yaml"
        policy.write_text(f"{policy.read_text()}model: {{prices: {{small: {{input: 1.0, output: 10.0}}}}}}\n")
        done = workshop.call("run", "--tag", "outage", "--experiments", "4")
    assert done.returncode == 0, done.stderr
    opened = [event for event in workshop.events("outage") if event["event"] == "attempt_opened"]
    assert [event["proposer"] for event in opened[:4]] == ["template", "openai:small", "tuner", "tuner"]
    assert {event["spent"]["dollars"] for event in opened[1:]} == {0.00042}
    assert "small: about 4 requests" in done.stdout
    assert "cost 150 tokens, $0.0004; so far 150 tokens, $0.0004" in done.stdout
    assert "the model went away" in done.stdout
    assert "model: 1 request, 150 tokens, $0.0004" in done.stdout
    status = workshop.call("status", "--tag", "outage")
    assert "; away once, " in status.stdout


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Status(401), "refus"),
        (Raw(b"<html>gateway</html>", content_type="text/html"), "JSON"),
        (Raw(b'{"choices": [{"mess'), "JSON"),
        (Text("I would rather talk about the weather."), "in a row were refused"),
    ],
)
def test_a_model_that_is_no_help_ends_the_run_with_one_line(
    build: Build, answer: Raw | Status | Text, said: str
) -> None:
    with OpenAIServer([answer]) as server:
        address = {"OPENAI_API_KEY": "sk-canary", "OPENAI_BASE_URL": server.base_url}
        workshop = replace(build(), extra_environment=address)
        done = workshop.call("run", "--tag", "useless", "--experiments", "3")
    assert done.returncode == 3, done.stdout + done.stderr
    assert said in done.stderr
    assert "remedy:" in done.stderr
    assert workshop.closed("useless")[0]["action"] == "keep", "the baseline was measured and is kept"
    assert workshop.leftovers("useless") == []


def test_a_baseline_without_a_score_stops_the_run_before_anything_is_proposed(build: Build) -> None:
    workshop = build([BETTER], template=candidate("raises_at_step_one"))
    done = workshop.call(*replay("--experiments", "3", tag="bad-start"))
    assert done.returncode == 2
    assert "the baseline has no score: crashed: ArithmeticError: at step one" in done.stderr
    assert len(workshop.closed("bad-start")) == 1


@pytest.mark.parametrize(
    ("name", "allowed", "outcome", "scored"),
    [("honest", True, "completed", True), ("raises_at_step_one", True, "crashed", False)],
)
def test_try_prints_verdict_run_and_score_as_one_json_object(
    build: Build, name: str, allowed: bool, outcome: str, scored: bool
) -> None:
    workshop = build()
    (workshop.folder / "mine.py").write_text(candidate(name))
    done = workshop.call("try", "mine.py", "--json")
    assert done.returncode == (0 if scored else 1), done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"verdict", "run", "score"}
    assert report["verdict"]["allowed"] is allowed
    assert report["run"]["outcome"] == outcome
    assert (report["score"] is not None and report["score"]["value"] is not None) is scored
    assert not workshop.runs.exists(), "nothing is committed"


def test_try_refuses_a_syntax_error_without_a_container(build: Build) -> None:
    workshop = build()
    (workshop.folder / "mine.py").write_text(BROKEN)
    done = workshop.call("try", "mine.py", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["verdict"]["objections"][0]["code"] == "syntax"
    assert (report["run"], report["score"]) == (None, None)


def test_no_engine_is_one_line_and_a_remedy(build: Build) -> None:
    workshop = replace(build(), extra_environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    done = workshop.call(*replay("--experiments", "1", tag="none"))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "autoresearch: no Docker engine answers",
        "  remedy: run 'make image', start dockerd, or set DOCKER_HOST",
    ]
    assert not workshop.runs.exists()


def test_the_engine_that_a_dotenv_names_is_the_one_that_is_used(build: Build) -> None:
    workshop = build([BETTER])
    (workshop.folder / ".env").write_text("DOCKER_HOST=unix:///nowhere/docker.sock\n")
    for words in (replay("--experiments", "1", tag="none"), ["doctor"], ["reap"]):
        done = workshop.call(*words)
        assert done.returncode != 0
        assert "no Docker engine answers" in done.stdout + done.stderr


def test_an_engine_that_refuses_this_user_says_which_group_is_missing(build: Build) -> None:
    workshop = build()
    path = workshop.folder / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        os.chown(path, 65534, 65534)
        path.chmod(0o600)
        workshop = replace(workshop, extra_environment={"DOCKER_HOST": f"unix://{path}"})
        powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        done = _call_as(workshop, powerless, *replay("--experiments", "1", tag="none"))
    assert done.returncode == 2
    assert "the Docker engine refuses this user" in done.stderr
    assert "usermod -aG docker" in done.stderr


def test_a_missing_image_names_the_command_that_builds_it(build: Build) -> None:
    workshop = replace(build([BETTER]), extra_environment={"AUTORESEARCH_IMAGE": "no-such-image:latest"})
    done = workshop.call(*replay("--experiments", "1", tag="none"))
    assert done.returncode == 2
    assert "the image no-such-image:latest is missing" in done.stderr
    assert "make image" in done.stderr


def test_missing_data_and_changed_data_are_refused(build: Build, tmp_path: Path, data: DataFolder) -> None:
    workshop = replace(build([BETTER]), data=tmp_path / "nothing")
    missing = workshop.call(*replay("--experiments", "1", tag="none"))
    assert (missing.returncode, "there is no data" in missing.stderr) == (2, True)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in data.path.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "val.bin").write_bytes(b"\0\0" + (data.path / "val.bin").read_bytes()[2:])
    changed = replace(workshop, data=copy).call(*replay("--experiments", "1", tag="none"))
    assert (changed.returncode, "val.bin is missing or is not what" in changed.stderr) == (2, True)


def test_a_full_disk_is_noticed_before_anything_is_spent(build: Build) -> None:
    workshop = build([BETTER])
    workshop.runs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(workshop.runs)], check=True)
    try:
        done = workshop.call(*replay("--experiments", "1", tag="none"))
        left = list(workshop.runs.iterdir())
    finally:
        subprocess.run(["umount", str(workshop.runs)], check=True)
    assert done.returncode == 2
    assert "MiB are free for" in done.stderr
    assert left == []


def test_a_policy_with_a_typo_names_file_key_and_reason(build: Build) -> None:
    workshop = build()
    (workshop.folder / "policy.yaml").write_text("sandbox: {memory_mb: 512}\n")
    done = workshop.call(*replay("--experiments", "1", tag="none"))
    assert done.returncode == 2
    assert "policy.yaml:1: sandbox.memory_mb: is not a key of a policy" in done.stderr


def test_doctor_shows_a_remedy_for_each_miss_and_fails(build: Build) -> None:
    broken = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = replace(build(), extra_environment=broken).call("doctor")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("missing")]
    assert {line.split()[1] for line in lines} >= {"engine", "image"}
    assert done.stdout.count("remedy:") >= len(lines)


def _call_as(workshop: Workshop, prefix: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *workshop.command(*words)],
        cwd=workshop.folder,
        env=workshop.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
