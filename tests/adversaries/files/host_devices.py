"""Opens memory, disks, the kernel's log and other devices of the host.

layer: no devices but those of every container
stopped: errno ENOENT
control: lift host devices, capabilities
"""

import os

import probe

DISKS = ("sda", "vda", "nvme0n1", "xvda", "dm-0", "loop0", "loop-control", "mapper/control")
OTHERS = ("mem", "port", "kmsg", "kvm", "vfio/vfio", "vhost-vsock", "uinput", "cuse")


def attack():
    for name in (*DISKS, *OTHERS):
        try:
            os.close(os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK))
            return f"opened /dev/{name}"
        except OSError as error:
            last = error
    raise last



main = probe.attempting(attack)
