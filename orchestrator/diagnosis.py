"""`doctor`: looks at everything a run needs, and says how to get what is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator import assembly
from orchestrator.data import load_data
from orchestrator.errors import OrchestratorError, SetupError
from orchestrator.policy import load_policy
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.gpu import choose_grant, find_gpus
from orchestrator.settings import Settings
from orchestrator.task import load_task

FREE_GIB = 8
# Versions below these have published container escapes; see the threat notes in README.
SAFE_VERSIONS = {"engine": (29, 7, 0)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it is, and what to do. Only a `missing` is fatal."""

    subject: str
    state: Literal["ok", "note", "missing"]
    message: str
    remedy: str = ""

    @property
    def fatal(self) -> bool:
        return self.state == "missing"

    @property
    def style(self) -> str:
        return {"ok": "green", "note": "yellow", "missing": "red"}[self.state]


def diagnose(settings: Settings, policy_path: Path, task_folder: Path) -> list[Finding]:
    """Every check in order; one that fails never hides the others."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("git", _git),
        ("disk", lambda: _disk(settings)),
        ("engine", lambda: _engine(settings)),
        ("image", lambda: _image(settings)),
        ("policy", lambda: _policy(policy_path, task_folder)),
        ("gpu", lambda: _gpu(settings, policy_path)),
        ("data", lambda: _data(settings, policy_path, task_folder)),
        ("model", lambda: _model(settings, policy_path, task_folder)),
    ]
    return [finding for subject, check in checks for finding in _tried(subject, check)]


def _tried(subject: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except OrchestratorError as error:
        return [Finding(subject, "missing", error.message, error.remedy)]


def _git() -> Iterator[Finding]:
    if not shutil.which("git"):
        raise SetupError("git is not installed", remedy="apt-get install git")
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)  # noqa: S607 - from PATH
    yield Finding("git", "ok", version.stdout.strip())


def _disk(settings: Settings) -> Iterator[Finding]:
    for folder in dict.fromkeys((settings.runs, settings.data)):
        place = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
        free = shutil.disk_usage(place).free / 2**30
        state: Literal["ok", "missing"] = "ok" if free >= FREE_GIB else "missing"
        remedy = "" if free >= FREE_GIB else f"free some space; {FREE_GIB} GiB are needed"
        yield Finding("disk", state, f"{free:.0f} GiB free for {folder}", remedy)


def _engine(settings: Settings) -> Iterator[Finding]:
    facts = Engine.connect(settings.docker_host).facts()
    gib = facts.memory_bytes / 2**30
    runtimes = ", ".join(name for name in facts.runtimes if "." not in name)
    where = f"{facts.cpus} cores, {gib:.0f} GiB, kernel {facts.kernel}, runtimes {runtimes}"
    yield Finding("engine", "ok", f"Docker {facts.version}: {where}")
    wanted = SAFE_VERSIONS["engine"]
    if _version(facts.version) < wanted:
        text = ".".join(map(str, wanted))
        yield Finding(
            "engine",
            "note",
            f"Docker {facts.version} is older than {text}, below which container escapes are known",
            "update it; meanwhile nothing here uses docker cp, archives or host mounts",
        )


def _image(settings: Settings) -> Iterator[Finding]:
    identity = Engine.connect(settings.docker_host).image_id(settings.image)
    yield Finding("image", "ok", f"{settings.image} is {identity[:19]}")


def _policy(policy_path: Path, task_folder: Path) -> Iterator[Finding]:
    policy, task = load_policy(policy_path), load_task(task_folder)
    task.read_files()
    yield Finding("policy", "ok", f"{policy_path}, digest {policy.digest[:12]}; task: {task.name}")


def _gpu(settings: Settings, policy_path: Path) -> Iterator[Finding]:
    wanted = load_policy(policy_path).sandbox.device
    cards = find_gpus()
    facts = Engine.connect(settings.docker_host).facts()
    grant = choose_grant(
        wanted, cards, runtimes=facts.runtimes, cdi_devices=facts.cdi_devices, pinned=settings.gpu
    )
    if grant.gpu:
        yield Finding("gpu", "ok", f"{grant.gpu.name}, {grant.gpu.memory_mib} MiB, {grant.gpu.identity}")
    elif cards:
        yield Finding("gpu", "note", f"{len(cards)} cards, but the policy says device: {wanted}")
    else:
        yield Finding("gpu", "note", "no card found: training runs on the processor, at a small scale")


def _data(settings: Settings, policy_path: Path, task_folder: Path) -> Iterator[Finding]:
    bench = assembly.open_bench(settings, policy_path, task_folder)
    data = load_data(bench.data_path())
    data.verify()
    size = sum(size for size, _ in data.files.values()) / 2**20
    yield Finding("data", "ok", f"{data.path}: {data.vocab_size} tokens, {size:.0f} MiB, checksums match")


def _model(settings: Settings, policy_path: Path, task_folder: Path) -> Iterator[Finding]:
    if not settings.has_model:
        message = "no OPENAI_API_KEY and no OPENAI_BASE_URL: the tuner will propose"
        yield Finding("model", "note", message, "set one of them, or keep the tuner")
        return
    assembly.check_model(settings, policy_path, task_folder)
    yield Finding("model", "ok", f"{settings.model} answers")


def _version(text: str) -> tuple[int, ...]:
    numbers = text.partition("+")[0].partition("-")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdigit())


