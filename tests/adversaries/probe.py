"""What every program of the suite may use; it lies beside the program, and is as untrusted as that.

A program says `main = probe.attempting(attack)`. The attack returns what it got (it went through),
returns nothing, or raises OSError; one line on standard output says which. Constants of the stage (where
the host listens, how large the limits are) are in the module `arena`, which the host writes.
"""

import ctypes
import errno
import json
import os
import platform
import re
import resource
import socket
import stat
import struct
import time
from pathlib import Path

import arena

_LIBC = ctypes.CDLL(None, use_errno=True)
OUT = Path("/out")
VOCAB = 260
NO_KIND = 15  # no kind of socket: a kernel refuses it before it looks for the family, and loads nothing for it
_LOOKUPS = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


def report(**fields):
    """Print the one line that the host looks for."""
    print("\nPROBE " + json.dumps({**fields, "kernel": os.uname().release}), flush=True)


def outcome_of(attack):
    """What became of an attack, as the fields of a report."""
    try:
        got = attack()
    except OSError as error:
        return {"errno": name_of(error), "said": str(error)[:100]}
    return {"got": str(got)[:100]} if got else {"nothing": True}


def name_of(error):
    """The name of an OSError's number: an errno, or why a host name was not found."""
    return errno.errorcode.get(error.errno) or _LOOKUPS.get(error.errno, str(error.errno))


def any_of(attempts):
    """What the first of these attempts got that gets through, so that a control does no more than it must;
    where none does, raises the refusal that fewest of them met."""
    refusals = []
    for attempt in attempts:
        try:
            got = attempt()
        except OSError as error:
            refusals.append(error)
            continue
        if got:
            return got
    numbers = [error.errno for error in refusals]
    if refusals:
        raise min(refusals, key=lambda error: numbers.count(error.errno))
    return None


def attempting(attack):
    """The entry point of a program whose attack runs in the train container."""

    def main():
        report(**outcome_of(attack))

    return main


def attempting_when_loaded(attack):
    """The build_model of a program whose attack runs in the model container: its last words are the report."""

    def build_model(config):
        raise SystemExit("PROBE " + json.dumps(outcome_of(attack)))

    return build_model


def system_call(name, *arguments):
    """Make a raw system call by name, or by its number. Raises OSError."""
    number = name if isinstance(name, int) else NUMBERS[name][platform.machine() == "aarch64"]
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    ctypes.set_errno(0)
    result = _LIBC.syscall(ctypes.c_long(number), *values)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def reached(name, *arguments, answers):
    """Call with arguments that only the kernel itself would refuse, with one of these errnos; a filter
    in front of it answers otherwise, which is raised."""
    try:
        return f"{name} gave {system_call(name, *arguments)}"
    except OSError as error:
        if errno.errorcode.get(error.errno) in answers:
            return f"the kernel itself answered {errno.errorcode[error.errno]} to {name}"
        raise


def opened(family, kind, protocol=0):
    """Open a socket; a kernel that answers for itself, if only that it has no such thing, was reached."""
    try:
        with socket.socket(family, kind, protocol):
            return f"a socket of family {family}, kind {kind}, protocol {protocol}"
    except OSError as error:
        if name_of(error) in {"EINVAL", "EAFNOSUPPORT", "ESOCKTNOSUPPORT", "EPROTONOSUPPORT"}:
            return f"the kernel itself answered {name_of(error)} for family {family}"
        raise


def wait_for_ever():
    """Use no time and never come back."""
    while True:
        time.sleep(1)


def write_result(claims=None, config=None, text=None):
    """Write /out/result.json: sound, with these claims, or exactly this text or these bytes."""
    body = {"version": 1, "config": config or {}, "claims": claims or {}}
    text = json.dumps(body) if text is None else text
    (OUT / "result.json").write_bytes(text if isinstance(text, bytes) else text.encode())


def write_weights(values=None, name="weights"):
    """Write /out/model.safetensors with one float32 vector."""
    values = values or [0.0]
    body = struct.pack(f"<{len(values)}f", *values)
    entry = {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(body)]}
    write_tensors(json.dumps({name: entry}).encode(), body)


def write_tensors(header, body, length=None):
    """Write /out/model.safetensors of this header and body; `length` is a lie about the header's."""
    length = len(header) if length is None else length
    (OUT / "model.safetensors").write_bytes(struct.pack("<Q", length) + header + body)


def save_something(claims=None, config=None):
    """Leave a sound result behind, so that the model container loads this file."""
    write_result(claims, config)
    write_weights()


def knows_nothing(config):
    """The build_model of a sound model for the weights of save_something: each token is as likely as another."""
    import torch

    class Nothing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = torch.nn.Parameter(torch.zeros(1))

        def forward(self, tokens):
            return torch.zeros(*tokens.shape, VOCAB) + self.weights

    return Nothing()


def forging(frames, *, stay=False):
    """The build_model that writes these bytes to the host in its runner's place, and ends or never does."""

    def build_model(config):
        os.write(wire(), frames)
        if stay:
            wait_for_ever()
        os._exit(0)

    return build_model


def wire():
    """The pipe to the host that the runner of the model container keeps beside its standard streams."""
    for number in range(3, 64):
        try:
            if os.readlink(f"/proc/self/fd/{number}").startswith(("pipe:", "host:")):
                return number
        except OSError:
            continue
    raise OSError(errno.EBADF, "no wire")


def paths(*left_out):
    """Every file of this container by its path, but for /proc, /sys and these folders."""
    for folder, names, files in os.walk("/"):
        names[:] = [name for name in names if os.path.join(folder, name) not in ("/proc", "/sys", *left_out)]
        yield from (os.path.join(folder, name) for name in files)


def content(path):
    """The first MiB of a regular file; nothing of what cannot be read or would never end."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return b""
        with open(path, "rb") as stream:
            return stream.read(1 << 20)
    except OSError:
        return b""


def secret_in(data):
    """The first planted secret in these bytes, or nothing."""
    found = re.search(arena.CANARY_PREFIX.encode() + rb"[0-9a-f]{32}", data)
    return found and found[0].decode()


def raise_limit(name, value):
    """Set a resource limit, soft and hard. Raises OSError."""
    if _LIBC.setrlimit(getattr(resource, name), struct.pack("<QQ", value, value)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return f"{name} is {resource.getrlimit(getattr(resource, name))}"


def fill(path, mib):
    """Write so many MiB to one file. Raises OSError when there is no room."""
    block = bytes(1 << 20)
    with open(path, "wb", buffering=0) as stream:
        for _ in range(mib):
            stream.write(block)
    return f"wrote {mib} MiB to {path}"


NUMBERS = {  # name -> number on x86-64, on arm64
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "capset": (126, 91),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "execveat": (322, 281),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "inotify_add_watch": (254, 27),
    "inotify_init1": (294, 26),
    "io_setup": (206, 0),
    "io_uring_setup": (425, 425),
    "ioperm": (173, -1),
    "iopl": (172, -1),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mknodat": (259, 33),
    "mlockall": (151, 230),
    "modify_ldt": (154, -1),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sched_setattr": (314, 274),
    "sched_setscheduler": (144, 119),
    "seccomp": (317, 277),
    "semget": (64, 190),
    "set_mempolicy": (238, 237),
    "setgid": (106, 144),
    "setgroups": (116, 159),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "setresuid": (117, 147),
    "settimeofday": (164, 170),
    "setuid": (105, 146),
    "shmget": (29, 194),
    "splice": (275, 76),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tee": (276, 77),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vmsplice": (278, 75),
}
