"""Listens on a port that the host connects to, in the place of a program of its own.

layer: a network namespace of its own
stopped: nothing
control: lift network
"""

import socket

import arena
import probe

PATIENCE_SECONDS = 1.0


def attack():
    with socket.create_server(("0.0.0.0", arena.HOST_KNOCKS_AT_PORT)) as server:
        server.settimeout(PATIENCE_SECONDS)
        try:
            client, _ = server.accept()
        except TimeoutError:
            return None
        with client:
            return f"the host came and said {client.recv(64)!r}"


main = probe.attempting(attack)
