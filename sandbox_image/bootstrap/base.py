"""The image below ours: Debian 12 with Python 3.11, its headers and a C++ compiler."""

import os
import platform
import shutil

from sandbox_image.bootstrap.console import SetupError, run, say
from sandbox_image.bootstrap.engine import docker, label
from sandbox_image.bootstrap.inputs import CACHE, digest
from sandbox_image.bootstrap.packages import install

STEP = "base"
OFFICIAL = "python:3.11-bookworm"
OURS = "autoresearch-base:bookworm"
PULL_SECONDS = 300.0
SUITE = "bookworm"
PACKAGES = "usr-is-merged,python3,libpython3.11-dev,g++,openssl"  # inductor hashes its headers with openssl
HOOKS = "/usr/share/mmdebstrap/hooks/merged-usr"
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/i18n/*",
    "/usr/share/locale/*",
    "/usr/lib/gcc/*/lto1",
    "/usr/bin/*lto-dump*",
    "*/libpython3.11*.a",
    "*/lib*san.*",
)
DPKG = "force-unsafe-io\\n" + "".join(f"path-exclude={pattern}\\n" for pattern in LEFT_OUT)
RECIPE = (
    "mmdebstrap",
    "--variant=essential",
    f"--include={PACKAGES}",
    f"--hook-dir={HOOKS}",
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=APT::Install-Recommends "false"',
    # dpkg's own filter from here on: given as --dpkgopt it would be applied by a slow one from the start
    f"--essential-hook=printf '{DPKG}' > \"$1/etc/dpkg/dpkg.cfg.d/lean\"",
    '--customize-hook=find "$1/usr" "$1/etc" "$1/var" -perm /6000 -exec chmod a-s {} +',
    '--customize-hook=rm -rf "$1"/usr/share/doc "$1"/usr/share/man "$1"/usr/share/locale "$1"/var/log/*',
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/*',
    SUITE,
)


def choice() -> str:
    """Return what decides which base is used, for digests."""
    return os.environ.get("BASE_IMAGE") or f"any of {OFFICIAL}, {digest(*RECIPE)}"


def ensure() -> str:
    """Return the name of a local base image: the one that is here, else a pull, else built from packages."""
    if asked := os.environ.get("BASE_IMAGE"):
        return _asked_for(asked)
    if label(OURS, "autoresearch.inputs") == digest(*RECIPE):
        return _using(OURS, "local, built here from Debian packages")
    if _is_here(OFFICIAL):
        return _using(OFFICIAL, "local")
    if _pulled(OFFICIAL):
        return _using(OFFICIAL, "pulled")
    _build()
    return _using(OURS, "built from Debian packages")


def _asked_for(name: str) -> str:
    if _is_here(name):
        return _using(name, "local, named by BASE_IMAGE")
    if _pulled(name):
        return _using(name, "pulled, named by BASE_IMAGE")
    raise SetupError(
        f"BASE_IMAGE={name} is neither on this engine nor can it be pulled. Load it, or do without:\n"
        "    unset BASE_IMAGE"
    )


def _using(name: str, why: str) -> str:
    say(STEP, f"ready: {name} ({why})")
    return name


def _is_here(name: str) -> bool:
    try:
        docker(STEP, "image", "inspect", "-f", "{{.Id}}", name, doing="inspect")
    except SetupError:
        return False
    return True


def _pulled(name: str) -> bool:
    say(STEP, f"pulling {name}")
    try:
        docker(STEP, "pull", name, doing=f"docker pull {name}", timeout_seconds=PULL_SECONDS)
    except SetupError as fault:
        say(STEP, f"no pull: {str(fault).splitlines()[-1].strip()[:100]}")
        return False
    return True


def _build() -> None:
    if platform.system() != "Linux":
        raise SetupError(f"{OFFICIAL} cannot be pulled, and only Linux can build a base: load one.")
    if not shutil.which("mmdebstrap"):
        install(STEP, ["mmdebstrap"], optional=["debian-archive-keyring"])
    say(STEP, "building a small Debian 12 with Python and g++ (mmdebstrap)")
    tar = CACHE / "base.tar"
    tar.parent.mkdir(parents=True, exist_ok=True)
    pinned_clock = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    run(STEP, [*RECIPE, str(tar)], doing="mmdebstrap", env=pinned_clock)
    docker(
        STEP,
        "import",
        "--change",
        f"LABEL autoresearch.inputs={digest(*RECIPE)}",
        str(tar),
        OURS,
        doing="docker import",
    )
    tar.unlink()
