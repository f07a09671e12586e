"""The set-up without an engine: what decides that a step is done, and what it says when it cannot go on."""

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import IO

import pytest

from sandbox_image.bootstrap.console import SetupError, run
from sandbox_image.bootstrap.image import SITE, copy_wheel, is_kept
from sandbox_image.bootstrap.inputs import digest, is_current
from tests.bootstrap.conftest import ROOT, Program

BOOTSTRAP = ("-m", "sandbox_image.bootstrap", "image")
LOCKS = (
    "orchestrator/requirements.lock",
    "sandbox_image/requirements.lock",
    "sandbox_image/requirements-cuda.lock",
)
SHOW_WANTED = ("-c", "from sandbox_image.bootstrap import image; print(image.wanted())")
is_root = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("setpriv")
as_root = pytest.mark.skipif(not is_root, reason="changes users and mounts")


def requirements(lock: str) -> dict[str, str]:
    text = re.sub(r"^#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    return {block.partition("==")[0]: block for block in re.split(r"\n(?=\S)", text.strip())}


def test_a_digest_follows_contents_and_not_times(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_text("one")
    before = digest(path, "x")
    os.utime(path, (0, 0))
    assert digest(path, "x") == before
    path.write_text("two")
    assert digest(path, "x") != before
    assert digest("ab", "c") != digest("a", "bc")


def test_a_missing_marker_means_not_done(tmp_path: Path) -> None:
    marker = tmp_path / ".inputs"
    assert not is_current(marker, "digest")
    marker.write_text("digest")
    assert is_current(marker, "digest")
    assert not is_current(marker, "another")


@pytest.mark.parametrize(
    "changed",
    ["sandbox_image/runner.py", "train_template/harness.py", "sandbox_image/Dockerfile", *LOCKS[1:]],
)
def test_every_input_of_the_image_changes_its_digest(tree: Path, python: Program, changed: str) -> None:
    before = python(*SHOW_WANTED).stdout
    with (tree / changed).open("a") as text:
        text.write("# changed\n")
    after = python(*SHOW_WANTED).stdout
    assert re.fullmatch(r"[0-9a-f]{64}\n", before)
    assert re.fullmatch(r"[0-9a-f]{64}\n", after)
    assert before != after


def test_another_base_or_torch_index_changes_the_digest(python: Program) -> None:
    plain = python(*SHOW_WANTED).stdout
    other_base = python(*SHOW_WANTED, BASE_IMAGE="mine:1").stdout
    other_torch = python(*SHOW_WANTED, TORCH_INDEX_URL="file:///nowhere").stdout
    assert len({plain, other_base, other_torch}) == 3


def test_a_dead_docker_host_is_named_and_nothing_is_started(tree: Path, python: Program) -> None:
    dead = f"unix://{tree}/dead.sock"
    ended = python(*BOOTSTRAP, DOCKER_HOST=dead, AUTO_INSTALL="0")
    assert ended.returncode == 2
    assert f"No engine answers at DOCKER_HOST={dead}" in ended.stderr
    assert "unset DOCKER_HOST" in ended.stderr
    assert not (tree / ".venv").exists()
    assert not (tree / ".cache").exists()


@as_root
def test_no_engine_and_auto_install_0_names_the_commands(tree: Path, python: Program) -> None:
    hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$0" "$@"')
    ended = python(*BOOTSTRAP, before=hidden, DOCKER_HOST="", AUTO_INSTALL="0")
    assert ended.returncode == 2
    assert "because AUTO_INSTALL=0" in ended.stderr
    assert "apt-get install -y docker.io mmdebstrap" in ended.stderr
    assert "systemctl start docker" in ended.stderr
    assert not (tree / ".venv").exists()


def test_a_browser_that_may_not_be_installed_is_named_and_nothing_fails(tree: Path, python: Program) -> None:
    ended = python("-m", "sandbox_image.bootstrap", "browser", PATH=str(tree), AUTO_INSTALL="0")
    assert ended.returncode == 0
    assert "tests in a browser are skipped: chromium and chromium-driver are missing" in ended.stdout
    assert "AUTO_INSTALL=0" in ended.stdout


@as_root
def test_an_engine_that_refuses_permission_is_not_called_absent(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(path))
        engine.listen()
        os.chown(path, 65534, 65534)
        path.chmod(0o600)
        powerless = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
        environment = {**os.environ, "DOCKER_HOST": f"unix://{path}", "PYTHONDONTWRITEBYTECODE": "1"}
        argv = [*powerless, sys.executable, *BOOTSTRAP]
        ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "refuses permission" in ended.stderr
    assert "usermod -aG docker" in ended.stderr


@as_root
@pytest.mark.docker
@pytest.mark.skipif(not shutil.which("dockerd"), reason="needs Debian's dockerd")
def test_an_engine_starts_over_the_leftovers_of_a_killed_one(python: Program) -> None:
    """In its own mounts and processes: over a stale pid file, then after a KILL that spares containerd."""
    script = """
        mount -t tmpfs none /run && mount -t tmpfs none /var/lib/docker && echo 999999 > /run/docker.pid
        "$0" "$@" && kill -9 $(cat /run/docker.pid) && sleep 0.5 && "$0" "$@"
    """
    alone = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script)
    start = ("-c", "from sandbox_image.bootstrap import engine; engine.ensure()")
    ended = python(*start, before=alone, DOCKER_HOST="", AUTO_INSTALL="1")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("done: dockerd answers") == 2


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_has_hashes_and_no_address(lock: str) -> None:
    found = requirements(lock)
    assert len(found) > 5
    for name, block in found.items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), name
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index" not in text


def test_the_host_lock_holds_every_dependency_of_the_project_and_no_framework() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"], "setuptools"]
    names = {re.split(r"[>=<\[;]", line)[0].strip().lower() for line in wanted}
    locked = {name.lower() for name in requirements(LOCKS[0])}
    assert names <= locked
    assert "torch" not in locked


def test_cuda_packages_are_locked_apart_from_what_every_image_needs() -> None:
    everywhere, cuda = requirements(LOCKS[1]), requirements(LOCKS[2])
    assert {"torch", "numpy", "safetensors"} <= set(everywhere)
    assert everywhere["torch"].startswith("torch==2.13.0")
    assert all(re.match(r"cuda|nvidia|triton", name) for name in cuda)
    assert not set(everywhere) & set(cuda)


def test_a_torch_wheel_with_an_unknown_hash_is_refused(tree: Path, python: Program) -> None:
    folder = tree / ".cache" / "wheels"
    folder.mkdir(parents=True)
    (folder / "torch-2.13.0-cp311-cp311-linux_x86_64.whl").write_bytes(b"not what was locked")
    ask = "from sandbox_image.bootstrap import wheels; wheels.check(wheels.LOCK.read_text(), {})"
    refused = python("-c", ask.format("None"))
    assert refused.returncode == 1
    assert "is not in" in refused.stderr
    assert "TORCH_INDEX_URL" in refused.stderr
    accepted = python("-c", ask.format("'another index'"))
    assert accepted.returncode == 0
    assert "no known hash" in accepted.stdout


def test_tests_and_tools_of_wheels_stay_out_of_the_image() -> None:
    left_out = ["torch/bin/protoc", "torch/test/x", "sympy/core/tests/a.py", "torch/lib/libx.a"]
    kept = ["torch/bin/torch_shm_manager", "sympy/core/basic.py", "numpy/testing/a.py", "torch/a.py"]
    assert [path for path in left_out if is_kept(path)] == []
    assert [path for path in kept if not is_kept(path)] == []


def test_a_wheel_becomes_tar_members_with_its_bytes_and_modes(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    tool = zipfile.ZipInfo("torch/bin/torch_shm_manager")
    tool.external_attr = 0o755 << 16
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(tool, b"tool")
        archive.writestr("a-1.data/purelib/a.py", b"x = 1\n")
        archive.writestr("a-1.data/scripts/a", b"#!python")
    sink = io.BytesIO()
    made: set[str] = set()
    copy_wheel(wheel, sink, made)
    with tarfile.open(fileobj=io.BytesIO(sink.getvalue() + bytes(1024))) as found:
        members = [(member.name, member.mode, member.size) for member in found]
    files = [member for member in members if member[0] not in made]
    assert files == [(f"{SITE}/torch/bin/torch_shm_manager", 0o755, 4), (f"{SITE}/a.py", 0o644, 6)]
    folders = [name for name, mode, _ in members if name in made and mode == 0o755]
    assert folders == sorted(made)
    assert {"opt/venv", SITE, f"{SITE}/torch/bin"} <= made
    assert "opt" not in made, "the base has it"


def test_a_folder_that_one_wheel_has_brought_is_not_brought_again(tmp_path: Path) -> None:
    wheel, made = tmp_path / "a-1-py3-none-any.whl", {"opt/venv"}
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/b.py", b"")
    first, second = io.BytesIO(), io.BytesIO()
    copy_wheel(wheel, first, made)
    copy_wheel(wheel, second, made)
    assert len(second.getvalue()) < len(first.getvalue())


def test_a_wheel_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/../../../../etc/passwd", b"")
    with pytest.raises(SetupError, match="leaves it"):
        copy_wheel(wheel, io.BytesIO(), set())


def test_a_program_that_fails_is_reported_with_its_last_words() -> None:
    with pytest.raises(SetupError, match=r"(?s)the thing failed with exit code 3:.*    why"):
        run("step", ["sh", "-c", "echo why; exit 3"], doing="the thing")


def test_a_program_that_hangs_is_stopped() -> None:
    with pytest.raises(SetupError, match="longer than"):
        run("step", ["sleep", "60"], doing="sleeping", timeout_seconds=0.2)


def test_a_stream_that_breaks_off_fails_the_program_that_reads_it() -> None:
    def half(sink: IO[bytes]) -> None:
        sink.write(b"half")
        raise SetupError("the stream broke off")

    with pytest.raises(SetupError, match="the stream broke off"):
        run("step", ["cat"], doing="reading", feed=half)


def test_make_without_words_lists_every_verb() -> None:
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    listed = subprocess.run(["make"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert [line.split()[1] for line in listed.splitlines()] == phony[1].split()


def test_the_ci_entry_is_executable_and_runs_make_test() -> None:
    entry = ROOT / ".ci" / "run"
    assert os.access(entry, os.X_OK)
    assert "exec make test" in entry.read_text()
