"""Searches the whole file system for a socket that somebody listens on: containerd's, the init system's, a bus.

layer: nothing of the host is mounted
stopped: nothing
control: lift engine socket, user
"""

import os
import socket
import stat

import probe

KNOWN = ["/run/containerd/containerd.sock", "/run/systemd/private", "/run/dbus/system_bus_socket"]


def paths():
    yield from KNOWN
    for folder, names, files in os.walk("/"):
        if folder == "/":
            names[:] = [name for name in names if name not in {"proc", "sys", "usr", "opt"}]
        yield from (os.path.join(folder, name) for name in files)


def attack():
    for path in paths():
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                with socket.socket(socket.AF_UNIX) as found:
                    found.connect(path)
                    return f"connected to {path}"
        except OSError:
            continue
    return None


main = probe.attempting(attack)
