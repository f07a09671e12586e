"""A look at a card comes back in time, whatever the driver does; through a driver's library of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.errors import SandboxError
from orchestrator.sandbox.amd import AmdCard
from orchestrator.sandbox.card import WatchedCard
from orchestrator.sandbox.hygiene import MIB, CardFault, CardState, Process
from orchestrator.sandbox.nvml import KernelLog
from orchestrator.sandbox.probe import Probe

SOURCE = Path(__file__).parent / "payloads" / "fake_nvml.c"


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


@pytest.mark.parametrize("before", ["", "sys.stdout.write('{'); sys.stdout.flush(); "])
def test_a_driver_that_hangs_is_our_fault_within_the_limit(before: str) -> None:
    probe = Probe(program(f"import sys, time; {before}time.sleep(60)"), start_seconds=1.5)
    began = time.monotonic()
    with pytest.raises(SandboxError, match=r"does not answer within 1.5 seconds") as error:
        probe.look()
    assert time.monotonic() - began < 12
    assert "nvidia-smi" in error.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise SystemExit(3)", "the look at the card failed"),
        ("print('no json')", "the look at the card failed"),
        ("print('[]')", "the look at the card failed"),
        ("print('{}')", "the look at the card failed"),
        ("while True: print('x' * 65536, end='')", "the look at the card failed"),
        ("""print('{"fault": "GPU is lost"}')""", "does not answer: GPU is lost"),
    ],
)
def test_a_driver_that_dies_or_babbles_is_our_fault(text: str, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        Probe(program(text)).look()


def test_a_program_that_is_not_there_is_our_fault_too() -> None:
    with pytest.raises(SandboxError, match="FileNotFoundError"):
        Probe(["/nonexistent"]).look()


@dataclass(frozen=True)
class FakeDriver:
    """A library in the driver's place, and the file that says what it answers."""

    folder: Path

    def says(self, *lines: str) -> None:
        whole = self.folder / "next"
        whole.write_text("\n".join(["total 81559", *lines]) + "\n")
        whole.replace(self.folder / "state")

    def probe(self, identity: str = "GPU-fake", look_seconds: float = 20.0) -> Probe:
        places = {"LD_LIBRARY_PATH": str(self.folder), "FAKE_NVML": str(self.folder / "state")}
        command = [sys.executable, "-m", "orchestrator.sandbox.probe", identity]
        return Probe(command, look_seconds=look_seconds, environment={**os.environ, **places})


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build the driver's stand-in with")
    built = tmp_path_factory.mktemp("driver") / "libnvidia-ml.so.1"
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(built), str(SOURCE)]
    subprocess.run(command, check=True)
    return built


@pytest.fixture
def driver(library: Path, tmp_path: Path) -> FakeDriver:
    shutil.copy(library, tmp_path)
    driver = FakeDriver(tmp_path)
    driver.says("used 4")
    return driver


@pytest.fixture
def probe(driver: FakeDriver) -> Iterator[Probe]:
    probe = driver.probe()
    yield probe
    probe.close()


def look_until(probe: Probe, wanted: str) -> CardState:
    """Looks, added up, until the field is no longer empty."""
    deadline = time.monotonic() + 30
    state = probe.look()
    while not getattr(state, wanted) and time.monotonic() < deadline:
        time.sleep(0.2)
        state = probe.look().since(state)
    return state


def test_a_quiet_card_is_read_through_the_bindings(probe: Probe) -> None:
    quiet = CardState(4 * MIB, 81_559 * MIB, temperature_celsius=41, clock_mhz=1980)
    assert probe.look() == quiet


def test_everything_that_speaks_against_a_card_is_read(driver: FakeDriver, probe: Probe) -> None:
    driver.says("used 900", "process 4711 512", "process 4712 0", "reasons 72", "pending 1", "recovery 1")
    state = probe.look()
    assert state.processes == (Process(4711, 512 * MIB), Process(4712, 0))
    assert state.slowdowns == ("hardware slowdown", "hardware thermal slowdown")
    assert (state.used_bytes, state.rows_pending) == (900 * MIB, True)
    assert state.recovery == "a reset of the card"


def test_an_older_driver_is_asked_what_it_knows(driver: FakeDriver, probe: Probe) -> None:
    driver.says("old 1", "used 900", "reasons 128", "pending 1", "xid 31")
    state = probe.look()
    assert (state.used_bytes, state.total_bytes) == (900 * MIB, 81_559 * MIB)
    assert (state.slowdowns, state.rows_pending, state.recovery) == (("power brake",), True, "")


def test_a_mig_instance_has_memory_of_its_own_and_the_cards_clocks(driver: FakeDriver) -> None:
    driver.says("used 7", "reasons 128")
    probe = driver.probe("MIG-fake")
    state = probe.look()
    probe.close()
    assert (state.used_bytes, state.slowdowns) == (7 * MIB, ("power brake",))


def test_every_xid_between_two_looks_is_told_once(driver: FakeDriver, probe: Probe) -> None:
    probe.look()
    driver.says("used 4", "xid 31", "xid 79")
    state = look_until(probe, "xids")
    time.sleep(0.5)
    assert probe.look().since(state).xids == (31, 79)


def test_a_program_and_a_slow_down_that_came_and_went_are_noticed(driver: FakeDriver, probe: Probe) -> None:
    probe.look()
    driver.says("used 4", f"process {os.getpid()} 300", "reasons 128")
    seen = look_until(probe, "visitors")
    driver.says("used 4")
    state = probe.look().since(seen)
    assert (state.processes, state.slowdowns) == ((), ())
    assert [each.pid for each in state.visitors] == [os.getpid()]
    assert state.visitors[0].cgroup == Path("/proc/self/cgroup").read_text()
    assert state.slowed_seconds["power brake"] >= 0.9


def test_a_card_that_is_lost_says_so_and_is_found_again_when_it_is_back(
    driver: FakeDriver, probe: Probe
) -> None:
    probe.look()
    driver.says("used 4", "lost 1")
    time.sleep(1.5)
    for _ in range(2):
        with pytest.raises(SandboxError, match="does not answer: GPU is lost"):
            probe.look()
    driver.says("used 4")
    assert probe.look().used_bytes == 4 * MIB


def test_a_driver_that_begins_to_hang_is_left_behind_and_the_next_look_is_a_new_one(
    driver: FakeDriver,
) -> None:
    probe = driver.probe(look_seconds=1.0)
    probe.look()
    driver.says("used 4", "hang 1")
    with pytest.raises(SandboxError, match="does not answer within 1 seconds"):
        probe.look()
    driver.says("used 4")
    assert probe.look().used_bytes == 4 * MIB
    probe.close()


def test_an_unknown_card_and_a_missing_library_are_named(driver: FakeDriver, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="does not answer: Not Found"):
        driver.probe("GPU-other").look()
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library")
    with pytest.raises(SandboxError, match="NVML Shared Library Not Found"):
        driver.probe().look()


def test_a_whole_run_is_watched_through_the_bindings(driver: FakeDriver, probe: Probe) -> None:
    card = WatchedCard("GPU-fake", probe, settle_seconds=2.0)
    card.before_run("no-such-container")
    driver.says("used 60000", "process 999999999 60000", "xid 31")
    time.sleep(1.5)
    driver.says("used 4", "xid 31")
    facts = card.after_run()
    assert facts["xids"] == ["31: a memory page fault"]
    driver.says("used 60000", f"process {os.getpid()} 60000", "xid 31")
    with pytest.raises(SandboxError, match=f"still 60000 MiB in use by process {os.getpid()}"):
        card.before_run("no-such-container")


def test_the_kernels_log_is_read_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_text("4,1,1,-;old\n")
    log = KernelLog(path)
    with path.open("a") as file:
        file.write("4,2,2,-;new\n")
    assert log.records() == ["4,2,2,-;new"]
    assert log.records() == []
    assert KernelLog(tmp_path / "missing").records() == []


@pytest.fixture
def amd(tmp_path: Path) -> Path:
    """The part of /sys that two AMD cards have; a process holds memory of the second."""
    for name, minor, used in (("1", "128", 10), ("2", "129", 700)):
        device = tmp_path / "class" / "drm" / f"renderD{minor}" / "device"
        node = tmp_path / "class" / "kfd" / "kfd" / "topology" / "nodes" / name
        device.mkdir(parents=True)
        node.mkdir(parents=True)
        (device / "mem_info_vram_used").write_text(f"{used * MIB}\n")
        (device / "mem_info_vram_total").write_text(f"{1000 * MIB}\n")
        (node / "properties").write_text(f"cpu_cores_count 0\ndrm_render_minor {minor}\n")
        (node / "gpu_id").write_text(f"5{minor}\n")
    process = tmp_path / "class" / "kfd" / "kfd" / "proc" / "4711"
    process.mkdir(parents=True)
    (process / "vram_5129").write_text(f"{512 * MIB}\n")
    (process / "vram_5128").write_text("0\n")
    return tmp_path


def test_an_amd_card_shows_its_memory_and_its_own_processes(amd: Path) -> None:
    first, second = (AmdCard(f"/dev/dri/renderD{minor}", amd).look() for minor in (128, 129))
    assert first == CardState(10 * MIB, 1000 * MIB)
    assert second == CardState(700 * MIB, 1000 * MIB, processes=(Process(4711, 512 * MIB),))


def test_an_amd_card_that_is_gone_is_a_fault(amd: Path) -> None:
    with pytest.raises(CardFault, match="renderD130"):
        AmdCard("/dev/dri/renderD130", amd).look()
