"""The image as the engine has it, and the set-up that finds it done."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox_image.bootstrap import image
from tests.bootstrap.conftest import ROOT, Program

pytestmark = pytest.mark.docker
PROBE = "autoresearch-sandbox:set-up-probe"


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def inside(command: str, name: str = "") -> str:
    sealed = ("run", "--rm", "--network", "none", "--read-only", "--label", "autoresearch.run=set-up-test")
    return docker(*sealed, name or image.name(), "sh", "-c", command)


@pytest.fixture
def probe() -> Iterator[str]:
    yield PROBE
    subprocess.run(["docker", "rmi", "-f", PROBE], capture_output=True, check=False)


def test_a_set_up_that_is_done_says_so_at_once_and_changes_nothing() -> None:
    assert image.is_ready(), "run `make image` first"
    before = docker("image", "inspect", "-f", "{{.Id}}", image.name())
    began = time.monotonic()
    argv = ["python3", "-m", "sandbox_image.bootstrap", "image"]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert time.monotonic() - began < 5.0
    assert f"ready: {image.name()} matches its inputs" in said
    assert "installing" not in said
    assert docker("image", "inspect", "-f", "{{.Id}}", image.name()) == before


def test_a_changed_runner_is_in_the_next_image(tree: Path, python: Program, probe: str) -> None:
    runner = tree / "sandbox_image" / "runner.py"
    runner.write_text(runner.read_text() + "# a change\n")
    built = python("-c", "from sandbox_image.bootstrap import image; image.build()", IMAGE=probe)
    assert built.returncode == 0, built.stderr
    assert inside("tail -1 /opt/autoresearch/runner.py", probe) == "# a change"
    label = '{{index .Config.Labels "autoresearch.inputs"}}'
    assert docker("image", "inspect", "-f", label, probe) not in {"", image.wanted()}


def test_no_file_in_the_image_changes_users() -> None:
    assert inside("find / -xdev -perm /6000 2>/dev/null || true") == ""


def test_the_image_runs_as_nobody_and_owns_nothing() -> None:
    assert inside("id -u; id -g").split() == ["65534", "65534"]
    mine = r"find / -xdev \( -user 65534 -o -group 65534 \) 2>/dev/null || true"
    assert inside(mine) == ""


def test_the_image_holds_no_weights_no_installer_and_no_downloader() -> None:
    weights = r"find / -xdev \( -name '*.pt' -o -name '*.pth' -o -name '*.safetensors' \) 2>/dev/null || true"
    assert inside(weights) == ""
    assert inside("command -v pip pip3 apt apt-get curl wget || true") == ""


def test_the_folders_of_the_contract_are_there() -> None:
    assert inside("stat -c %a /tmp") == "1777"
    assert inside("ls -d /data /out /work").split() == ["/data", "/out", "/work"]
    assert inside("ls /opt/autoresearch").split() == ["__pycache__", "harness.py", "reader.py", "runner.py"]


def test_the_framework_and_its_compiler_work_with_no_network_and_a_read_only_root() -> None:
    versions = "import sys, torch, numpy, safetensors.torch; print(*sys.version_info[:2], torch.__version__)"
    assert inside(f"python3 -c '{versions}'").startswith("3 11 2.13.0")
    assert inside("g++ --version | head -1").startswith("g++")
    assert inside("ls /usr/include/python3.11/Python.h /usr/local/include/python3.11/Python.h || true") != ""


def test_imported_modules_are_compiled_already() -> None:
    find = 'from importlib.util import find_spec; print(find_spec("torch._dynamo").cached)'
    assert inside(f"test -e $(python3 -c '{find}'); echo $?") == "0"
