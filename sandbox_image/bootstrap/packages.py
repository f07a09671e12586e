"""Debian packages: whether we may install them, and how."""

import os
import shutil
import threading
from collections.abc import Sequence

from sandbox_image.bootstrap.console import SetupError, run, say

_one_at_a_time = threading.Lock()
PATIENCE = ("Acquire::Retries=2", "Acquire::http::Timeout=30", "DPkg::Lock::Timeout=120")
APT = ("apt-get", *(word for option in PATIENCE for word in ("-o", option)))


def why_not_install() -> str | None:
    """Return the reason why packages may not be installed here, or None."""
    if os.environ.get("AUTO_INSTALL") == "0":
        return "AUTO_INSTALL=0"
    if os.geteuid() != 0:
        return "this is not root"
    if not shutil.which("apt-get"):
        return "this is not Debian or Ubuntu"
    return None


def install(step: str, names: Sequence[str], *, optional: Sequence[str] = ()) -> None:
    """Install Debian packages and those optional ones that this release knows, or say how to."""
    command = f"apt-get update && apt-get install -y {' '.join(names)}"
    if reason := why_not_install():
        raise SetupError(f"{' '.join(names)} must be installed, but {reason}. Run as root:\n    {command}")
    with _one_at_a_time:
        say(step, f"installing {' '.join(names)} with apt-get")
        _update(step)
        wanted = [*names, *(name for name in optional if _is_known(name))]
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        argv = [*APT, "install", "-y", "--no-install-recommends", *wanted]
        run(step, argv, doing="apt-get install", env=quiet)


def _update(step: str) -> None:
    try:
        run(step, [*APT, "update"], doing="apt-get update")
    except SetupError:
        say(step, "apt-get update failed for some source; going on with what it knows")


def _is_known(name: str) -> bool:
    try:
        return "Package:" in run("apt", ["apt-cache", "show", name], doing="apt-cache show")
    except SetupError:
        return False
