"""The sandbox image: base and wheels become a framework image in one stream, our two files go on top."""

import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from sandbox_image.bootstrap import base, wheels
from sandbox_image.bootstrap.console import SetupError, run, say
from sandbox_image.bootstrap.engine import client_env, docker, label
from sandbox_image.bootstrap.inputs import CACHE, ROOT, digest

STEP = "image"
INPUTS = "autoresearch.inputs"
FRAMEWORK = "autoresearch-framework:latest"
DOCKERFILE = ROOT / "sandbox_image" / "Dockerfile"
SANDBOX = ROOT / "sandbox_image"
FILES = (SANDBOX / "runner.py", SANDBOX / "reader.py", ROOT / "train_template" / "harness.py")
VENV = "opt/venv"
SITE = f"{VENV}/lib/python3.11/site-packages"
CLOCK = 1_700_000_000
FREE_BYTES = 3_000_000_000
LEFT_OUT = ("torch/test/", "sympy-", "isympy.py", "distutils-precedence.pth")
PARTS_LEFT_OUT = {("sympy", "tests"), ("networkx", "tests")}


def name() -> str:
    """Return the image's name."""
    return os.environ.get("IMAGE") or "autoresearch-sandbox:latest"


def framework_wanted() -> str:
    """Return the digest that a current framework image carries."""
    return digest(base.choice(), wheels.choice(), Path(__file__))


def wanted() -> str:
    """Return the digest that a current sandbox image carries."""
    return digest(framework_wanted(), DOCKERFILE, *FILES)


def is_ready() -> bool:
    """Tell whether the sandbox image matches its inputs."""
    return label(name(), INPUTS) == wanted()


def has_framework() -> bool:
    """Tell whether the framework image matches its inputs."""
    return label(FRAMEWORK, INPUTS) == framework_wanted()


def join(base_image: str, found: list[Path]) -> None:
    """Make the framework image from a base image and wheels, in one stream and with nothing unpacked here."""
    say(STEP, "joining base and wheels into the framework image")
    _need_space()
    container = docker(STEP, "create", base_image, "true", doing="docker create").splitlines()[-1]
    try:
        _import_stream(container, found)
    finally:
        docker(STEP, "rm", "-f", container, doing="docker rm")


def build() -> None:
    """Build the sandbox image on the framework image, with no network."""
    say(STEP, f"building {name()} with no network")
    with tempfile.TemporaryDirectory(prefix="autoresearch-") as context:
        for path in (DOCKERFILE, *FILES):
            shutil.copy(path, context)
        options = ["--network", "none", "--build-arg", f"FRAMEWORK={FRAMEWORK}", "-t", name()]
        mark = ["--label", f"{INPUTS}={wanted()}"]
        docker(STEP, "build", *options, *mark, context, doing="docker build")
    say(STEP, f"done: {name()}, {size_bytes() / 1e6:.0f} MB")


def size_bytes() -> int:
    """Return the image's size."""
    return int(docker(STEP, "image", "inspect", "-f", "{{.Size}}", name(), doing="inspect").splitlines()[-1])


def is_kept(path: str) -> bool:
    """Tell whether a file of a wheel goes into the image."""
    parts = PurePosixPath(path).parts
    if path.startswith("torch/bin/"):
        return parts[-1] == "torch_shm_manager"
    if path.startswith(LEFT_OUT) and ".dist-info/" not in path:
        return False
    return not (path.endswith(".a") or any(top == parts[0] and part in parts for top, part in PARTS_LEFT_OUT))


def _import_stream(container: str, found: list[Path]) -> None:
    changes = {
        "ENV": "PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8",
        "LABEL": f"{INPUTS}={framework_wanted()} autoresearch.torch={wheels.torch_digest()}",
    }
    argv = ["docker", "import"]
    for word, value in changes.items():
        argv += ["--change", f"{word} {value}"]

    def feed(sink: IO[bytes]) -> None:
        made: set[str] = set()
        for wheel in found:
            copy_wheel(wheel, sink, made)
        _copy_container(container, sink)  # last: its stream ends the archive

    run(STEP, [*argv, "-", FRAMEWORK], doing="docker import", env=client_env(), feed=feed)


def copy_wheel(wheel: Path, sink: IO[bytes], made: set[str]) -> None:
    """Write the files of a wheel that are kept as members of a tar archive, with no end to it.

    Each folder comes before what is in it, once: `made` holds those that earlier wheels have brought.
    """
    with zipfile.ZipFile(wheel) as archive:
        placed = list(_placed(archive))
        for folder in sorted(_folders(f"{SITE}/{target}" for _, target in placed) - made):
            sink.write(_folder_member(folder).tobuf(tarfile.PAX_FORMAT))
            made.add(folder)
        for entry, target in placed:
            member = tarfile.TarInfo(f"{SITE}/{target}")
            member.size, member.mtime = entry.file_size, CLOCK
            member.mode = 0o755 if entry.external_attr >> 16 & 0o111 else 0o644
            sink.write(member.tobuf(tarfile.PAX_FORMAT))
            with archive.open(entry) as content:
                shutil.copyfileobj(content, sink, 1 << 20)
            sink.write(bytes(-entry.file_size % tarfile.BLOCKSIZE))


def _folders(paths: Iterable[str]) -> set[str]:
    """Every folder of ours above the paths: engines give one that is only implied other modes."""
    above = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    return {folder for folder in above if folder.startswith(VENV)}


def _folder_member(path: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, CLOCK
    return member


def _placed(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    for entry in archive.infolist():
        if ".." in PurePosixPath(entry.filename).parts or entry.filename.startswith("/"):
            raise SetupError(f"{archive.filename} holds a path that leaves it: {entry.filename}")
        top, _, rest = entry.filename.partition("/")
        scheme, _, inner = rest.partition("/")
        target = inner if top.endswith(".data") and scheme in {"purelib", "platlib"} else entry.filename
        if not entry.is_dir() and (target is inner or not top.endswith(".data")) and is_kept(target):
            yield entry, target


def _copy_container(container: str, sink: IO[bytes]) -> None:
    argv = ["docker", "export", container]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=client_env()) as export:  # noqa: S603
        if export.stdout:
            shutil.copyfileobj(export.stdout, sink, 1 << 20)
    if export.returncode:
        raise SetupError(f"docker export failed with exit code {export.returncode}.")


def _need_space() -> None:
    CACHE.mkdir(exist_ok=True)
    for place in (CACHE, Path("/var/lib/docker")):
        if place.exists() and (free := shutil.disk_usage(place).free) < FREE_BYTES:
            raise SetupError(
                f"Only {free / 1e9:.1f} GB are free at {place}, {FREE_BYTES / 1e9:.0f} are needed:\n"
                "    docker system df"
            )
