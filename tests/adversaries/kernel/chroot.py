"""Changes its root folder, the first step of the classic way out of one.

layer: our seccomp profile, and no capability to do so
stopped: errno EPERM
control: lift seccomp, capabilities
"""

import os

import probe


def attack():
    os.makedirs("/work/jail", exist_ok=True)
    outside = os.open("/", os.O_RDONLY)
    probe.system_call("chroot", b"/work/jail")
    os.fchdir(outside)
    return f"outside of its root with {len(os.listdir('.'))} names"


main = probe.attempting(attack)
