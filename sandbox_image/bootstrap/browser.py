"""The browser that tests drive, where this machine may have it; else those tests are skipped and say so."""

import shutil

from sandbox_image.bootstrap.console import SetupError, say
from sandbox_image.bootstrap.packages import install, why_not_install

STEP = "browser"
PROGRAMS = ("chromium", "chromedriver")
PACKAGES = ("chromium", "chromium-driver")


def ensure() -> None:
    """Install Debian's Chromium and its driver; a machine that cannot have them goes on without."""
    if all(shutil.which(name) for name in PROGRAMS):
        return
    if reason := why_not_install():
        say(STEP, f"tests in a browser are skipped: {' and '.join(PACKAGES)} are missing, and {reason}")
        return
    try:
        install(STEP, PACKAGES)
    except SetupError as fault:
        say(STEP, f"tests in a browser are skipped: {fault}")
