"""The system calls that a container may make, tried in real containers."""

from __future__ import annotations

import errno
import json
import platform
import signal
from pathlib import Path
from typing import Any

import docker
import pytest

ROOT = Path(__file__).parents[2]
PAYLOADS = Path(__file__).parent / "payloads"
PROFILE = (ROOT / "policies" / "seccomp.json").read_text(encoding="utf-8")
IMAGE = "autoresearch-sandbox:latest"
BOOT = """
import runpy, sys
path = "/work/trial.py"  # a file, for spawned workers import it
open(path, "w").write(sys.argv[1])
sys.argv[:2] = [path]
runpy.run_path(path, run_name="__main__")
"""


def words(text: str) -> list[str]:
    return text.split()


# Without a profile the kernel answers these with something else than EPERM, so EPERM is the profile's.
REFUSED = words("""
    io_uring_setup io_uring_enter io_uring_register ptrace process_vm_readv process_vm_writev process_madvise
    pidfd_open pidfd_getfd kcmp keyctl add_key request_key vmsplice splice tee mq_open shmget semget msgget
    name_to_handle_at unshare setns execveat inotify_init1 timer_create seccomp sched_setscheduler setpriority
    sync setuid chown personality clone_newuser vsock family_16
""")
# The kernel may say EPERM by itself here, for want of a capability or of the feature.
REFUSED_TWICE = words("""
    mlockall userfaultfd bpf perf_event_open open_by_handle_at mount umount2 pivot_root chroot fsopen
    open_tree move_mount mount_setattr kexec_load init_module finit_module delete_module clock_settime
    settimeofday clock_adjtime iopl ioperm mknod swapon reboot syslog acct fanotify_init memfd_secret
    modify_ldt io_setup raw_ipv4 raw_ipv6 ping mptcp sctp
""")

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the probes use x86-64's call numbers"),
]


def run_sealed(profile: str, payload: str, *arguments: str) -> dict[str, Any]:
    """What a payload printed, as JSON, from a sealed container under a profile."""
    text = (PAYLOADS / payload).read_text(encoding="utf-8")
    client = docker.from_env()
    container = client.containers.create(
        IMAGE,
        ["-c", BOOT, text, *arguments],
        entrypoint=["python3"],
        user="65534:65534",
        read_only=True,
        cap_drop=["ALL"],
        network_mode="none",
        security_opt=["no-new-privileges", f"seccomp={profile}"],
        init=True,
        tmpfs={"/work": "exec,mode=0700,uid=65534,gid=65534,size=512m", "/tmp": "mode=1777"},  # noqa: S108
        shm_size="64m",
        pids_limit=512,
        environment={"HOME": "/work", "TORCHINDUCTOR_CACHE_DIR": "/work/inductor"},
    )
    try:
        container.start()
        status = container.wait()["StatusCode"]
        printed = container.logs(stderr=False).decode()
        assert status == 0, container.logs().decode()[-2000:]
        result: dict[str, Any] = json.loads(printed)
        return result
    finally:
        container.remove(force=True)
        client.close()


@pytest.fixture(scope="module")
def sealed() -> dict[str, Any]:
    return run_sealed(PROFILE, "syscalls.py")


@pytest.fixture(scope="module")
def unfiltered() -> dict[str, Any]:
    return run_sealed("unconfined", "syscalls.py")


@pytest.mark.parametrize("name", REFUSED)
def test_the_profile_refuses_what_the_kernel_would_take(
    name: str, sealed: dict[str, Any], unfiltered: dict[str, Any]
) -> None:
    assert unfiltered[name] != errno.EPERM
    assert sealed[name] == errno.EPERM


@pytest.mark.parametrize("name", REFUSED_TWICE)
def test_calls_that_need_a_privilege_are_refused(name: str, sealed: dict[str, Any]) -> None:
    assert sealed[name] == errno.EPERM


@pytest.mark.parametrize("name", ["clone3", "openat2"])
def test_calls_with_hidden_arguments_look_absent_so_that_libraries_fall_back(
    name: str, sealed: dict[str, Any], unfiltered: dict[str, Any]
) -> None:
    assert unfiltered[name] != errno.ENOSYS
    assert sealed[name] == errno.ENOSYS


@pytest.mark.parametrize("name", ["memfd_create", "personality_read", "mlock"])
def test_calls_that_training_needs_are_allowed(name: str, sealed: dict[str, Any]) -> None:
    assert sealed[name] == 0


def test_sockets_are_local_or_internet_ones_and_of_no_other_family(sealed: dict[str, Any]) -> None:
    allowed = {family for family in range(46) if sealed[f"family_{family}"] == 0}
    assert allowed == {1, 2, 10}
    assert {sealed[f"family_{family}"] for family in set(range(46)) - allowed} == {errno.EPERM}


def test_thirty_two_bit_calls_end_the_process_that_makes_them(
    sealed: dict[str, Any], unfiltered: dict[str, Any]
) -> None:
    assert (unfiltered["int80"], sealed["int80"]) == (0, -signal.SIGSYS)
    assert sealed["x32"] == -signal.SIGSYS


def test_the_filter_is_on_and_no_privilege_is_left(
    sealed: dict[str, Any], unfiltered: dict[str, Any]
) -> None:
    assert sealed["status"]["Seccomp"] == "2"
    assert unfiltered["status"]["Seccomp"] == "0"
    assert sealed["status"]["NoNewPrivs"] == "1"
    assert int(sealed["status"]["CapBnd"], 16) == 0


def test_threads_workers_compilers_and_local_sockets_work_under_the_profile() -> None:
    assert run_sealed(PROFILE, "work.py") == {
        "thread": [1],
        "fork": [1, 4, 9],
        "spawn": [1, 4, 9],
        "queue": "sent",
        "shared": 7,
        "built": "built",
        "loopback": 1,
        "asyncio": 0,
        "callback": 7,
    }


def test_torch_compiles_and_loads_with_workers_under_the_profile() -> None:
    assert run_sealed(PROFILE, "work.py", "torch") == {"compile": True, "loader": list(range(8))}
