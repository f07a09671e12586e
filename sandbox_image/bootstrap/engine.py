"""A Docker engine that answers: the one that is there, else Debian's, started without a bridge."""

import enum
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from sandbox_image.bootstrap.console import SetupError, run, say
from sandbox_image.bootstrap.inputs import CACHE
from sandbox_image.bootstrap.packages import install, why_not_install

STEP = "engine"
DEFAULT = "unix:///var/run/docker.sock"
HOME = CACHE / "engine"
PID_FILE = Path("/var/run/docker.pid")
CONTAINERD_PID_FILE = Path("/var/run/docker/containerd/containerd.pid")
START_SECONDS = 40.0


class Reach(enum.Enum):
    """What became of asking an engine whether it lives."""

    ANSWERS = "answers"
    ABSENT = "does not answer"
    REFUSED = "refuses permission"


def address() -> str:
    """Return the engine's address, as every other part of the product reads it."""
    return os.environ.get("DOCKER_HOST") or DEFAULT


def docker(step: str, *arguments: str, doing: str, timeout_seconds: float = 1800.0) -> str:
    """Run the docker client against that engine, whatever its contexts say, and return its output."""
    return run(step, ["docker", *arguments], doing=doing, env=client_env(), timeout_seconds=timeout_seconds)


def client_env() -> dict[str, str]:
    """Return the environment that pins the docker client to our engine and picks a builder that it has."""
    plain = {**os.environ, "DOCKER_HOST": address(), "DOCKER_CLI_HINTS": "false"}
    if "DOCKER_BUILDKIT" not in plain and not _has_buildx():
        plain["DOCKER_BUILDKIT"] = "0"
    return plain


def reach() -> Reach:
    """Ask the engine whether it lives; a local socket is asked without any client."""
    where = address()
    if not where.startswith("unix://"):
        return _reach_by_client()
    try:
        return _ping(where.removeprefix("unix://"))
    except PermissionError:
        return Reach.REFUSED
    except OSError:
        return Reach.ABSENT


def label(image: str, key: str) -> str | None:
    """Return one label of a local image, or None where there is no such image or label."""
    try:
        labels = docker(STEP, "image", "inspect", "-f", "{{json .Config.Labels}}", image, doing="inspect")
    except SetupError:
        return None
    return (json.loads(labels.splitlines()[-1]) or {}).get(key)


def preflight() -> Reach:
    """Return whether an engine answers, or raise the one SetupError that says why none ever will."""
    found = reach()
    if found is Reach.REFUSED:
        raise SetupError(
            f"The engine at {address()} refuses permission. Run as root, or join its group:\n"
            "    sudo usermod -aG docker $USER && newgrp docker"
        )
    if found is Reach.ABSENT and os.environ.get("DOCKER_HOST"):
        raise SetupError(
            f"No engine answers at DOCKER_HOST={address()}. Start that engine, or choose the local one:\n"
            "    unset DOCKER_HOST"
        )
    reason = why_not_install()
    if found is Reach.ABSENT and reason:
        raise SetupError(
            f"No Docker engine answers; none is installed or started here, because {reason}. As root:\n"
            "    apt-get update && apt-get install -y docker.io mmdebstrap\n"
            "    systemctl start docker    # or, without systemd: dockerd --bridge=none --iptables=false &"
        )
    return found


def ensure() -> None:
    """Return when an engine answers: the one that is there, else Debian's."""
    if preflight() is Reach.ABSENT:
        _provide()
    else:
        _need_client()
        say(STEP, f"ready: {address()} answers")
    _mention_gpu()


def _provide() -> None:
    if not (shutil.which("dockerd") and shutil.which("docker")):
        install(STEP, ["docker.io", "mmdebstrap"], optional=["runsc", "docker-cli", "debian-archive-keyring"])
    if _service_started() or _answers_within(3.0 if _running("dockerd") else 0.0):
        say(STEP, f"done: the system's own service answers at {address()}")
        return
    _start()


def _service_started() -> bool:
    if not Path("/run/systemd/system").is_dir():
        return False
    try:
        run(STEP, ["systemctl", "start", "docker"], doing="systemctl start docker")
    except SetupError:
        return False
    return _answers_within(START_SECONDS)


def _start() -> None:
    _clear_leftovers()
    HOME.mkdir(parents=True, exist_ok=True)
    settings, log = HOME / "daemon.json", HOME / "dockerd.log"
    settings.write_text(json.dumps(_settings(), indent=1))
    say(STEP, "starting dockerd without a bridge; its log is .cache/engine/dockerd.log")
    with log.open("ab") as sink:
        daemon = subprocess.Popen(  # noqa: S603
            ["dockerd", "--config-file", str(settings)],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    if not _answers_within(START_SECONDS, daemon):
        tail = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-8:])
        raise SetupError(f"dockerd did not answer within {START_SECONDS:.0f} s. Its last words:\n{tail}")
    say(STEP, f"done: dockerd answers, process {daemon.pid}")


def _settings() -> dict[str, object]:
    settings: dict[str, object] = {"bridge": "none", "iptables": False, "ip6tables": False}
    if runsc := shutil.which("runsc"):
        settings["runtimes"] = {"runsc": {"path": runsc, "runtimeArgs": gvisor_arguments(_flags(runsc))}}
    return settings


def gvisor_arguments(flags: str) -> list[str]:
    """Choose what to start gVisor with, from its own list of flags: our seccomp profile counts inside it too.

    Of its platforms systrap where it is known, else ptrace; kvm can spin for ever under virtualisation.
    """
    return ["--network=none", f"--platform={'systrap' if 'systrap' in flags else 'ptrace'}", "--oci-seccomp"]


def _flags(runsc: str) -> str:
    """Return gVisor's description of its flags; it prints them on either stream, by version."""
    try:
        ended = subprocess.run([runsc, "flags"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a broken one shows when a policy asks for it, and not before
    return ended.stdout + ended.stderr


def _clear_leftovers() -> None:
    """Remove what a killed dockerd leaves: a pid file that blocks the next one, and its containerd."""
    if _running("dockerd"):
        raise SetupError("A dockerd is running but does not answer. Look at it:\n    pgrep -a dockerd")
    PID_FILE.unlink(missing_ok=True)
    try:
        pid = int(CONTAINERD_PID_FILE.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if str(CONTAINERD_PID_FILE.parent).encode() in words:
        os.kill(pid, signal.SIGTERM)
        time.sleep(1.0)


def _running(name: str) -> bool:
    return any(_reads(path, name) for path in Path("/proc").glob("[0-9]*/comm"))


def _reads(path: Path, name: str) -> bool:
    try:
        return path.read_text().strip() == name
    except OSError:
        return False


def _answers_within(seconds: float, daemon: subprocess.Popen[bytes] | None = None) -> bool:
    until = time.monotonic() + seconds
    while (found := reach()) is not Reach.ANSWERS and time.monotonic() < until:
        if daemon and daemon.poll() is not None:
            return False
        time.sleep(0.1)
    return found is Reach.ANSWERS


def _ping(path: str) -> Reach:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5.0)
        line.connect(path)
        line.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        return Reach.ANSWERS if b" 200 " in line.recv(64) else Reach.ABSENT


def _reach_by_client() -> Reach:
    try:
        docker(STEP, "version", "-f", "{{.Server.Version}}", doing="docker version", timeout_seconds=20.0)
    except SetupError as fault:
        return Reach.REFUSED if "permission denied" in str(fault).lower() else Reach.ABSENT
    return Reach.ANSWERS


def _need_client() -> None:
    if not shutil.which("docker"):
        install(STEP, ["docker.io"], optional=["docker-cli"])


def _has_buildx() -> bool:
    places = (Path.home() / ".docker", Path("/usr/local/lib/docker"), Path("/usr/lib/docker"))
    more = (Path("/usr/libexec/docker"), Path("/usr/local/libexec/docker"))
    return any((place / "cli-plugins" / "docker-buildx").exists() for place in places + more)


def _mention_gpu() -> None:
    if shutil.which("nvidia-smi") and not shutil.which("nvidia-ctk"):
        say(
            STEP,
            "a GPU tool is here, but no NVIDIA Container Toolkit: containers will not see the GPU until you "
            "install the package nvidia-container-toolkit and run `nvidia-ctk runtime configure`",
        )
