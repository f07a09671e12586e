"""What the image has beyond Debian: wheels, resolved by the host's pip from lock files."""

import hashlib
import os
import platform
import re
import shutil
import zipfile
from pathlib import Path

from sandbox_image.bootstrap.console import SetupError, run, say
from sandbox_image.bootstrap.environment import PIP
from sandbox_image.bootstrap.inputs import CACHE, ROOT, digest, is_current

STEP = "wheels"
FOLDER = CACHE / "wheels"
MARKER = FOLDER / ".inputs"
LOCK = ROOT / "sandbox_image" / "requirements.lock"
CUDA_LOCK = ROOT / "sandbox_image" / "requirements-cuda.lock"
GLIBC = range(36, 4, -1)  # Debian 12 has 2.36; manylinux1 was 2.5
NEEDS_MORE = re.compile(r"^Requires-Dist: (cuda|nvidia|triton|pytorch-triton|rocm)", re.MULTILINE)


def choice() -> str:
    """Return what decides which wheels are used, for digests."""
    return digest(LOCK, CUDA_LOCK, os.environ.get("TORCH_INDEX_URL", ""), platform.machine())


def ensure() -> list[Path]:
    """Return the wheels, downloaded where they are not there yet."""
    if not is_current(MARKER, choice()):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        _download()
        MARKER.write_text(choice())
    torch = torch_wheel()
    say(STEP, f"ready: {torch.name} ({torch.stat().st_size / 1e6:.0f} MB) and its company")
    return sorted(FOLDER.glob("*.whl"))


def torch_wheel() -> Path:
    """Return the torch wheel that pip chose."""
    (wheel,) = FOLDER.glob("torch-*.whl")
    return wheel


def torch_digest() -> str:
    """Return the SHA-256 of the torch wheel, for the lock and for the image's label."""
    with torch_wheel().open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _download() -> None:
    lock = _blocks(LOCK.read_text())
    torch = lock.pop("torch")
    pin = torch.split()[0]
    index = os.environ.get("TORCH_INDEX_URL")
    say(STEP, f"downloading {pin}{' from TORCH_INDEX_URL' if index else ''} with pip")
    # Not with --require-hashes: pip would then pass over a local file for an indexed one. Checked below.
    _pip("--no-deps", pin, *(["--index-url", index] if index else []))
    check(torch, index)
    if NEEDS_MORE.search(_metadata(torch_wheel())):
        _download_company(index, pin, set(lock))
    locked = FOLDER / "locked.txt"
    locked.write_text("\n".join(lock.values()))
    _pip("--require-hashes", "--no-deps", "-r", str(locked))


def check(torch: str, index: str | None) -> None:
    """Compare the wheel with the lock; another index has builds of its own, whose hash is recorded only."""
    known = torch_digest() in torch
    if not known and not index:
        raise SetupError(
            f"{torch_wheel().name} has the SHA-256 {torch_digest()}, which is not in {LOCK}. "
            "If you trust where your pip found it, name that index:\n    TORCH_INDEX_URL=... make image"
        )
    if not known:
        say(STEP, "no known hash for this build of torch: pinned by version, its SHA-256 becomes a label")


def _download_company(index: str | None, pin: str, elsewhere: set[str]) -> None:
    """Get what only a GPU build needs: by hash, or as its own index resolves it."""
    say(STEP, "this torch is a GPU build: downloading what it needs, several GB")
    if not index:
        _pip("--require-hashes", "--no-deps", "-r", str(CUDA_LOCK))
        return
    _pip("--index-url", index, pin)
    for path in FOLDER.glob("*.whl"):
        if _normal(path.name.partition("-")[0]) in elsewhere:
            path.unlink()


def _pip(*what: str) -> None:
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC]
    tags += [f"manylinux{old}_{machine}" for old in ("2014", "2010", "1")]
    target = ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3"]
    target += ["--abi", "none", "--only-binary=:all:"]
    for tag in tags:
        target += ["--platform", tag]
    argv = [*PIP, "download", "--progress-bar", "off", "-d", str(FOLDER), *target, *what]
    run(STEP, argv, doing="pip download", timeout_seconds=3600.0)


def _metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        name = next((n for n in archive.namelist() if n.endswith(".dist-info/METADATA")), None)
        if name is None:
            raise SetupError(f"{wheel.name} has no METADATA: remove .cache/wheels and try again.")
        return archive.read(name).decode()


def _blocks(lock: str) -> dict[str, str]:
    """Split a lock file into one requirement with its hashes for each name."""
    blocks = (block for block in re.split(r"\n(?=\S)", lock) if not block.startswith("#"))
    return {_normal(block.partition("==")[0]): block for block in blocks}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
