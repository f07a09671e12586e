"""Connects to an abstract unix socket of the host where the model is loaded.

layer: a network namespace of its own, for the model container too
stopped: errno ECONNREFUSED
control: lift network
container: model
"""

import socket

import arena
import probe


def attack():
    with socket.socket(socket.AF_UNIX) as host:
        host.settimeout(2)
        host.connect(f"\0{arena.HOST_ABSTRACT_SOCKET}")
        return f"the host said {host.recv(64)!r}"


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
