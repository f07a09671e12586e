"""The host's `.venv`, from the hash-locked requirements."""

import platform
import shutil
import sys

from sandbox_image.bootstrap.console import SetupError, run, say
from sandbox_image.bootstrap.inputs import ROOT, digest, is_current
from sandbox_image.bootstrap.packages import install

STEP = "venv"
VENV = ROOT / ".venv"
LOCK = ROOT / "orchestrator" / "requirements.lock"
MARKER = VENV / ".inputs"
PIP = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]


def wanted() -> str:
    """Return the digest that a finished environment carries."""
    return digest(LOCK, ROOT / "pyproject.toml", str(VENV), sys.executable, platform.python_version())


def is_ready() -> bool:
    """Tell whether `.venv` matches its lock file."""
    return is_current(MARKER, wanted())


def create() -> None:
    """Make an empty environment with pip in it, unless a finished one is there."""
    if is_ready() or _has_pip():
        return
    if not _has_ensurepip():
        install(STEP, ["python3-venv"])
    shutil.rmtree(VENV, ignore_errors=True)
    say(STEP, f"creating .venv with Python {platform.python_version()}")
    run(STEP, [sys.executable, "-m", "venv", str(VENV)], doing="python3 -m venv")


def fill() -> None:
    """Install the locked requirements and this project into the environment."""
    if is_ready():
        say(STEP, "ready: .venv matches orchestrator/requirements.lock")
        return
    say(STEP, "installing orchestrator/requirements.lock")
    exact = ["--no-deps", "--no-compile", "--progress-bar", "off"]
    locked = ["--require-hashes", "--only-binary=:all:", "-r", str(LOCK)]
    run(STEP, [*PIP, "install", *exact, *locked], doing="pip install")
    run(
        STEP,
        [*PIP, "install", *exact, "--no-build-isolation", "-e", str(ROOT)],
        doing="pip install of this project",
    )
    MARKER.write_text(wanted())
    say(STEP, "done")


def _has_pip() -> bool:
    """Tell whether an environment of this very Python is there and can be brought up to date in place."""
    same = f"import sys, pip; sys.exit(sys.version_info[:3] != {sys.version_info[:3]})"
    try:
        run(STEP, [PIP[0], "-c", same], doing="a look at .venv")
    except SetupError:
        return False
    return True


def _has_ensurepip() -> bool:
    # Debian splits it off: the module `venv` is there and fails half-way.
    try:
        import ensurepip  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True
