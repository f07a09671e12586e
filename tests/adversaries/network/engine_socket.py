"""Asks the container engine, through its socket, what it runs.

layer: nothing of the host is mounted, so there is no such file
stopped: errno ENOENT
control: lift engine socket, user
"""

import socket
from functools import partial

import probe

PATHS = ["/var/run/docker.sock", "/run/docker.sock", "/run/user/1000/docker.sock", "/run/podman/podman.sock"]


def ask(path):
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(path)
        engine.sendall(b"GET /version HTTP/1.0\r\n\r\n")
        return f"{path} said {engine.recv(64)!r}"


def attack():
    return probe.any_of([partial(ask, path) for path in PATHS])


main = probe.attempting(attack)
