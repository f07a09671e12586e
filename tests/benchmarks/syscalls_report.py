"""The record of system calls beside the profile, as Markdown, with a reason for each that no job made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.benchmarks.tracing import Seen

Record = dict[str, Seen]
Profile = Mapping[str, Any]

# Allowed, though no job here made them: who would, on this machine or another.
REASONS: Mapping[str, str] = {
    "the older or newer form of a call that was made; which one depends on the C library, the architecture "
    "and the kernel's age": """
        open openat creat access faccessat faccessat2 stat fstat lstat newfstatat statx readlink readlinkat
        dup dup2 dup3 pipe pipe2 mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat
        symlink symlinkat chmod fchmod fchmodat fchmodat2 utime utimes utimensat futimesat getdents getdents64
        poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
        eventfd eventfd2 fork vfork clone wait4 waitid accept accept4 sendmmsg recvmmsg getrlimit setrlimit
        prlimit64 gettimeofday time clock_gettime clock_getres nanosleep clock_nanosleep alarm getitimer
        setitimer tkill tgkill close_range
    """,
    "reading and writing files: numpy, safetensors, mmap'ed tokens, shutil": """
        read readv preadv preadv2 pread64 write writev pwritev pwritev2 pwrite64 lseek sendfile
        copy_file_range fallocate truncate ftruncate fsync fdatasync flock statfs
        fstatfs umask chdir fchdir getcwd getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    """,
    "memory of a framework: pinned and shared tensors, allocators, libffi's closures": """
        mremap madvise mincore msync mlock mlock2 munlock membarrier memfd_create
    """,
    "signals and waiting: DataLoader workers that die, time limits, debuggers of one's own process": """
        kill pause rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigreturn sigaltstack restart_syscall
        rt_sigaction rt_sigprocmask
    """,
    "a call that does not come back, so a tracer's count may miss it": "exit exit_group execve",
    "who am I, how much is there, what time was used: reading alone": """
        getuid geteuid getgid getegid getgroups getresuid getresgid getpgid getpgrp getsid getppid gettid
        getpid capget uname sysinfo times getrusage getpriority getcpu sched_getparam sched_getscheduler
        sched_get_priority_max sched_get_priority_min sched_getattr personality
    """,
    "threads and their processors: OpenMP, the CUDA driver's own threads": """
        sched_getaffinity sched_setaffinity sched_yield futex set_robust_list rseq set_tid_address arch_prctl
        prctl setpgid setsid
    """,
    "timers as descriptors: event loops, CUDA's and profilers' threads": """
        timerfd_create timerfd_settime timerfd_gettime
    """,
    "sockets between one's own processes: multiprocessing, gloo and NCCL on the loopback": """
        socket socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt
        sendto recvfrom sendmsg recvmsg shutdown
    """,
}

# Refused, though a job made them: how the program goes on.
ANSWERED: Mapping[str, str] = {
    "clone3": "answered with ENOSYS: the C library falls back to clone, into which the filter can look",
    "fadvise64": "answered with EPERM: only advice, but one that can evict pages which containers share",
    "mbind": "answered with EPERM: OpenBLAS would place its buffers near a processor, and goes on without",
    "openat2": "answered with ENOSYS: libraries fall back to openat",
}


@dataclass(frozen=True)
class Filters:
    """The numbers of the calls that pass, for some argument: our filter, the engine's own, and none."""

    ours: frozenset[int]
    engines: frozenset[int]
    none: frozenset[int]


def allowed(profile: Profile) -> set[str]:
    """The names that a profile lets pass, always or for some argument."""
    rules = [rule for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]
    return {name for rule in rules for name in rule["names"]}


def reason_for(name: str) -> str:
    return next((reason for reason, names in REASONS.items() if name in names.split()), "")


def report(
    profile: Profile, sealed: Record, free: Record, filters: Filters, machine: str
) -> tuple[str, bool]:
    """The text, and whether every difference between record and profile is accounted for."""
    names, made = allowed(profile), calls(sealed) | calls(free)
    unmade, refused = sorted(names - made), sorted(made - names)
    unaccounted = [name for name in unmade if not reason_for(name)]
    unanswered = [name for name in refused if name not in ANSWERED]
    lines = [
        *_head(machine, names, made, filters),
        *_table(sealed, free, names),
        "",
        "## Made, and refused",
        "",
        *_refused(refused, sealed),
        "",
        "## Allowed, though no job made them here",
        "",
        *_unmade(unmade),
    ]
    return "\n".join(lines) + "\n", not (unaccounted or unanswered)


def calls(record: Record) -> set[str]:
    return {name for seen in record.values() for name in seen.calls}


def _head(machine: str, names: set[str], made: set[str], filters: Filters) -> Iterator[str]:
    yield f"# {datetime.now(UTC).date()}, system calls of training beside the profile"
    yield ""
    yield f"`python -m tests.benchmarks.syscalls` on {machine}."
    yield ""
    yield "| | system calls |"
    yield "|---|---|"
    yield f"| named by `policies/seccomp.json` | {len(names)} |"
    yield f"| made by some job | {len(made)} |"
    yield f"| pass our filter, of {len(filters.none)} numbers tried in a container | {len(filters.ours)} |"
    yield f"| pass the engine's own profile, tried in the same way | {len(filters.engines)} |"
    yield f"| pass the engine's and not ours | {len(filters.engines - filters.ours)} |"
    yield f"| pass ours and not the engine's, by number | {_numbers(filters.ours - filters.engines)} |"
    yield ""
    yield "## Made"
    yield ""


def _numbers(numbers: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _table(sealed: Record, free: Record, names: set[str]) -> Iterator[str]:
    jobs = list(sealed)
    yield "Calls under our profile by job; *without* sums the same jobs under no profile."
    yield ""
    yield f"| call | {' | '.join(jobs)} | without | profile |"
    yield f"|---|{'---|' * (len(jobs) + 2)}"
    for name in sorted(calls(sealed) | calls(free)):
        counts = " | ".join(str(sealed[job].calls[name] or "") for job in jobs)
        without = sum(seen.calls[name] for seen in free.values())
        yield f"| {name} | {counts} | {without or ''} | {'allows' if name in names else 'refuses'} |"


def _refused(refused: list[str], sealed: Record) -> Iterator[str]:
    if not refused:
        yield "None."
    for name in refused:
        times = sum(count for seen in sealed.values() for (n, _), count in seen.refused.items() if n == name)
        yield f"- `{name}` ({times} times): {ANSWERED.get(name, 'NOT ACCOUNTED FOR')}"


def _unmade(unmade: list[str]) -> Iterator[str]:
    for reason in (*REASONS, ""):
        if found := [name for name in unmade if reason_for(name) == reason]:
            yield f"- {reason or 'WITHOUT A REASON'}: {', '.join(f'`{name}`' for name in found)}"
