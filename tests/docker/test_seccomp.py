"""The system calls that a container may make, tried in real containers."""

from __future__ import annotations

import errno
import platform
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.docker.sealed import run_sealed

ROOT = Path(__file__).parents[2]
PROFILE = (ROOT / "policies" / "seccomp.json").read_text(encoding="utf-8")


def words(text: str) -> list[str]:
    return text.split()


# Without a profile the kernel answers these with something else than EPERM, so EPERM is the profile's.
REFUSED = words("""
    io_uring_setup io_uring_enter io_uring_register ptrace process_vm_readv process_vm_writev process_madvise
    pidfd_open pidfd_getfd kcmp keyctl add_key request_key vmsplice splice tee mq_open shmget semget msgget
    name_to_handle_at unshare setns execveat inotify_init1 timer_create seccomp sched_setscheduler setpriority
    sync fadvise64 sync_file_range readahead get_robust_list futex_waitv rt_sigqueueinfo rt_tgsigqueueinfo
    sched_rr_get_interval mbind get_mempolicy set_mempolicy setuid chown personality clone_newuser
    vsock family_16
""")
# The kernel may say EPERM by itself here, for want of a capability or of the feature.
REFUSED_TWICE = words("""
    mlockall userfaultfd bpf perf_event_open open_by_handle_at mount umount2 pivot_root chroot fsopen
    open_tree move_mount mount_setattr kexec_load init_module finit_module delete_module clock_settime
    settimeofday clock_adjtime iopl ioperm mknod swapon reboot syslog acct fanotify_init memfd_secret
    modify_ldt io_setup raw_ipv4 raw_ipv6 ping mptcp sctp
""")

NUMBERS = {
    "fork": 57,
    "execve": 59,
    "mmap": 9,
    "ioctl": 16,
    "socket": 41,
    "ptrace": 101,
    "shmget": 29,
    "splice": 275,
}

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the probes use x86-64's call numbers"),
]


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


def passing(profile: str) -> set[int]:
    """The numbers of the calls that the filter of such a container lets pass for some argument."""
    answer = run_sealed(profile, "filter.py")
    return set(answer["passing"]) - set(answer["absent"])


def test_the_profile_is_much_tighter_than_the_engines_own() -> None:
    ours, engines, none = passing(PROFILE), passing(""), passing("unconfined")
    assert len(none) > 370
    assert engines < none
    assert len(engines - ours) > 80
    assert {NUMBERS[name] for name in ("fork", "execve", "mmap", "ioctl", "socket")} <= ours & engines
    assert {NUMBERS[name] for name in ("ptrace", "shmget", "splice")} <= engines - ours
