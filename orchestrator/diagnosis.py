"""`doctor`: looks at everything a run needs, and says how to get what is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator import assembly, researchers
from orchestrator.advisories import AS_OF
from orchestrator.errors import OrchestratorError, SandboxError, SetupError
from orchestrator.policy import load_policy
from orchestrator.sandbox.card import watch_card
from orchestrator.sandbox.engine import Engine, EngineFacts
from orchestrator.sandbox.gpu import check_runtime, choose_grant, find_gpus
from orchestrator.sandbox.hardening import obstacles, weaknesses
from orchestrator.sandbox.host_versions import HostVersions, read_host_versions
from orchestrator.sandbox.rehearsal import rehearse
from orchestrator.settings import Settings
from orchestrator.task import load_task

FREE_GIB = 8


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
        ("sandbox", lambda: _sandbox(settings, policy_path, task_folder)),
        ("data", lambda: _data(settings, policy_path, task_folder)),
        ("model", lambda: _model(settings, policy_path, task_folder)),
        ("weaker", lambda: _weaker(settings, policy_path)),
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
    places: dict[int, tuple[Path, list[str]]] = {}
    for folder in dict.fromkeys((settings.runs, settings.data)):
        place = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
        places.setdefault(place.stat().st_dev, (place, []))[1].append(str(folder))
    for place, folders in places.values():
        free = shutil.disk_usage(place).free / 2**30
        state: Literal["ok", "missing"] = "ok" if free >= FREE_GIB else "missing"
        remedy = "" if free >= FREE_GIB else f"free some space; {FREE_GIB} GiB are needed"
        yield Finding("disk", state, f"{free:.0f} GiB free for {' and '.join(folders)}", remedy)


def _engine(settings: Settings) -> Iterator[Finding]:
    facts = Engine.connect(settings.docker_host).facts()
    gib = facts.memory_bytes / 2**30
    runtimes = ", ".join(name for name in facts.runtimes if "." not in name)
    where = f"{facts.cpus} cores, {gib:.0f} GiB, kernel {facts.kernel}, runtimes {runtimes}"
    yield Finding("engine", "ok", f"{facts.product} {facts.version}: {where}")
    yield Finding("engine", "ok", _parts(facts))
    for obstacle in obstacles(facts, "runc"):
        yield Finding(obstacle.subject, "missing", obstacle.message, obstacle.remedy)


def _parts(facts: EngineFacts) -> str:
    names = ("runc", "crun", "containerd")
    parts = [f"{name} {facts.components[name]}" for name in names if facts.components.get(name)]
    parts += [f"cgroup v{facts.cgroup_version} ({facts.cgroup_driver})", facts.storage_driver]
    return ", ".join([*parts, *(option.partition(",")[0] for option in facts.security)])


def _weaker(settings: Settings, policy_path: Path) -> Iterator[Finding]:
    """What could be stronger; a check that cannot be made is told by the one that it needs."""
    try:
        facts = Engine.connect(settings.docker_host).facts()
        runtime = load_policy(policy_path).sandbox.runtime
    except OrchestratorError:
        return
    yield Finding("table", "ok", f"versions below are judged by the known escapes of {AS_OF}")
    for weakness in weaknesses(facts, read_host_versions(facts.kernel), runtime):
        yield Finding(weakness.subject, "note", weakness.message, weakness.remedy)


def _image(settings: Settings) -> Iterator[Finding]:
    identity = Engine.connect(settings.docker_host).image_id(settings.image)
    yield Finding("image", "ok", f"{settings.image} is {identity[:19]}")


def _policy(policy_path: Path, task_folder: Path) -> Iterator[Finding]:
    policy, task = load_policy(policy_path), load_task(task_folder)
    task.read_files()
    yield Finding("policy", "ok", f"{policy_path}, digest {policy.digest[:12]}; task: {task.name}")


def _gpu(settings: Settings, policy_path: Path) -> Iterator[Finding]:
    policy = load_policy(policy_path).sandbox
    wanted = policy.device
    cards = find_gpus()
    facts = Engine.connect(settings.docker_host).facts()
    grant = choose_grant(
        wanted, cards, runtimes=facts.runtimes, cdi_devices=facts.cdi_devices, pinned=settings.gpu
    )
    check_runtime(grant, policy.runtime, facts.runtime_arguments.get(policy.runtime, ()))
    with closing(watch_card(grant)) as watch:
        watch.before_run("doctor")
    if grant.gpu:
        card = f"{grant.gpu.name}, {grant.gpu.memory_mib} MiB, {grant.gpu.identity}"
        yield Finding("gpu", "ok", card + _driver_text(read_host_versions(facts.kernel)))
    elif cards:
        yield Finding("gpu", "note", f"{len(cards)} cards, but the policy says device: {wanted}")
    else:
        yield Finding("gpu", "note", "no card found: training runs on the processor, at a small scale")


def _sandbox(settings: Settings, policy_path: Path, task_folder: Path) -> Iterator[Finding]:
    bench = assembly.open_bench(settings, policy_path, task_folder)
    try:
        problems = rehearse(bench.engine, bench.outfit)
    except SandboxError as error:
        problems = [" ".join(error.message.split())]
    if problems:
        more = f", and {len(problems) - 1} differences more" if problems[1:] else ""
        remedy = "this engine cannot hold the policy: use Docker, as root or rootless"
        yield Finding("sandbox", "missing", f"{problems[0]:.160}{more}", remedy)
    else:
        yield Finding("sandbox", "ok", "a container made here is the one that the policy asks for")


def _driver_text(versions: HostVersions) -> str:
    known = {"driver": versions.nvidia_driver, "toolkit": versions.nvidia_toolkit}
    return "".join(f", {name} {version}" for name, version in known.items() if version)


def _data(settings: Settings, policy_path: Path, task_folder: Path) -> Iterator[Finding]:
    bench = assembly.open_bench(settings, policy_path, task_folder)
    data = assembly.data_of(bench, None)
    data.verify()
    size = sum(size for size, _ in data.files.values()) / 2**20
    yield Finding("data", "ok", f"{data.path}: {size:.0f} MiB, checksums match")


def _model(settings: Settings, policy_path: Path, task_folder: Path) -> Iterator[Finding]:
    if not settings.has_model:
        message = "no OPENAI_API_KEY and no OPENAI_BASE_URL: the tuner will propose"
        yield Finding("model", "note", message, "set one of them, or keep the tuner")
        return
    researchers.check_model(settings, policy_path, task_folder)
    yield Finding("model", "ok", f"{', '.join(model.name for model in settings.models)} answers")
