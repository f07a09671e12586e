"""Tries system calls and prints one JSON object: name -> errno, 0 for success. Runs in a container."""

# ruff: noqa: PTH123, SIM115, T201
# mypy: ignore-errors
import ctypes
import errno
import json
import mmap
import os
import signal
import socket

libc = ctypes.CDLL(None, use_errno=True)

# Arguments that the kernel refuses for another reason than EPERM, so that the layer can be told.
CALLS = {
    "io_uring_setup": (425, 0, 0),
    "io_uring_enter": (426, -1, 0, 0, 0),
    "io_uring_register": (427, -1, 0, 0, 0),
    "ptrace": (101, 0xFFFF, 0, 0, 0),
    "process_vm_readv": (310, 0, 0, 1, 0, 1, 0xFF),
    "process_vm_writev": (311, 0, 0, 1, 0, 1, 0xFF),
    "process_madvise": (440, -1, 0, 0, 0, 0),
    "pidfd_open": (434, -1, 0),
    "pidfd_getfd": (438, -1, 0, 0),
    "kcmp": (312, -1, -1, 0, 0, 0),
    "keyctl": (250, 0xFFFF, 0, 0, 0, 0),
    "add_key": (248, 0, 0, 0, 0, 0),
    "request_key": (249, 0, 0, 0, 0),
    "memfd_secret": (447, 0xFF),
    "vmsplice": (278, -1, 0, 0, 0),
    "splice": (275, -1, 0, -1, 0, 1, 0),
    "tee": (276, -1, -1, 1, 0),
    "modify_ldt": (154, 0, 0, 0),
    "mq_open": (240, 0, 0, 0, 0),
    "shmget": (29, 0, 4096, 0o1000),
    "semget": (64, 0, 1, 0o1000),
    "msgget": (68, 0, 0o1000),
    "name_to_handle_at": (303, -1, 0, 0, 0, 0),
    "unshare": (272, 1),
    "setns": (308, -1, 0),
    "execveat": (322, -1, 0, 0, 0, 0),
    "inotify_init1": (294, 0),
    "fadvise64": (221, -1, 0, 0, 4),
    "io_setup": (206, 0, 0),
    "timer_create": (222, 99, 0, 0),
    "seccomp": (317, 0xFF, 0, 0),
    "sched_setscheduler": (144, -1, 0, 0),
    "setpriority": (141, 0, 0, 0),
    "sync": (162,),
    "sync_file_range": (277, -1, 0, 0, 0),
    "mbind": (237, 0, 0, 99, 0, 0, 0),
    "get_mempolicy": (239, 0, 0, 0, 0, 0),
    "set_mempolicy": (238, 99, 0, 0),
    "readahead": (187, -1, 0, 0),
    "get_robust_list": (274, -1, 0, 0),
    "futex_waitv": (449, 0, 0, 0, 0, 0),
    "rt_sigqueueinfo": (129, 0x7FFFFFFF, 0, 0),
    "rt_tgsigqueueinfo": (297, -1, -1, 0, 0),
    "sched_rr_get_interval": (148, -1, 0),
    "setuid": (105, 65534),
    "chown": (92, b"/nowhere", 65534, 65534),
    "personality": (135, 0x0040000),
    "clone_newuser": (56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0),
    # These also need a capability that the container lacks: EPERM either way.
    "mlockall": (151, 1),
    "userfaultfd": (323, 0),
    "bpf": (321, 0xFFFF, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "open_by_handle_at": (304, -1, 0, 0),
    "mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0),
    "umount2": (166, b"/tmp", 0),
    "pivot_root": (155, b"/", b"/tmp"),
    "chroot": (161, b"/tmp"),
    "fsopen": (430, b"tmpfs", 0),
    "open_tree": (428, -100, b"/", 1),
    "move_mount": (429, -1, 0, -1, 0, 0),
    "mount_setattr": (442, -1, 0, 0, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, -1, 0, 0),
    "delete_module": (176, b"none", 0),
    "clock_settime": (227, 0, 0),
    "settimeofday": (164, 0, 0),
    "clock_adjtime": (305, 0, 0),
    "iopl": (172, 3),
    "ioperm": (173, 0, 1, 1),
    "mknod": (133, b"/tmp/device", 0o20600, 0x103),
    "swapon": (167, b"/nowhere", 0),
    "reboot": (169, 0, 0, 0, 0),
    "syslog": (103, 3, 0, 0),
    "acct": (163, 0),
    "fanotify_init": (300, 0, 0),
    # Refused so that libraries fall back to what a filter can look into.
    "clone3": (435, 0, 0),
    "openat2": (437, -100, 0, 0, 0),
    # Allowed on purpose.
    "memfd_create": (319, b"x", 0),
    "personality_read": (135, 0xFFFFFFFF),
    "mlock": (149, 0, 0),
}


def call(number, *arguments):
    """The errno of one raw system call, 0 when it succeeded."""
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    if libc.syscall(ctypes.c_long(number), *values) == 0 and number == 56 and os.getpid() != PARENT:
        os._exit(0)
    return ctypes.get_errno()


def attempt(number, *arguments):
    ctypes.set_errno(0)
    return call(number, *arguments)


def open_socket(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        return error.errno
    return 0


def fate_of(action):
    """How a child process that does this ends: minus the signal that killed it, or its exit code."""
    child = os.fork()
    if child == 0:
        os._exit(action() & 0x7F)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def getpid_by_int80():
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return 0 if function() > 0 else 1


def getpid_by_x32():
    return attempt(0x40000000 | 39)


PARENT = os.getpid()
results = {name: attempt(*arguments) for name, arguments in CALLS.items()}
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)
results |= {f"family_{family}": min(open_socket(family, kind) for kind in kinds) for family in range(46)}
results |= {
    "raw_ipv4": open_socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "raw_ipv6": open_socket(socket.AF_INET6, socket.SOCK_RAW, 58),
    "ping": open_socket(socket.AF_INET, socket.SOCK_DGRAM, 1),
    "mptcp": open_socket(socket.AF_INET, socket.SOCK_STREAM, 262),
    "sctp": open_socket(socket.AF_INET, socket.SOCK_STREAM, 132),
    "vsock": open_socket(socket.AF_VSOCK, socket.SOCK_STREAM),
    "int80": fate_of(getpid_by_int80),
    "x32": fate_of(getpid_by_x32),
}
results["status"] = {
    line.split(":")[0]: line.split(":")[1].strip()
    for line in open("/proc/self/status")
    if line.startswith(("Seccomp:", "NoNewPrivs:", "CapEff:", "CapBnd:"))
}
assert errno.EPERM == 1
print(json.dumps(results))
