"""Opens files of the host by their names: a planted secret, keys, and the engine's own.

layer: no path of the host is mounted
stopped: errno ENOENT
control: lift host folder
"""

from pathlib import Path

import arena
import probe

NAMES = ("/host/secret.txt", "/root/.ssh/id_ed25519", "/var/lib/docker/engine-id", "/proc/1/root/etc/machine-id")


def attack():
    for name in (*NAMES, arena.HOST_SECRET_PATH):
        try:
            return Path(name).read_text()
        except OSError as error:
            last = error
    raise last



main = probe.attempting(attack)
