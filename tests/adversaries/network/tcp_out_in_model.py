"""Connects over TCP to the host and to public addresses where the model is loaded.

layer: a network namespace with nothing but a loopback, in the model container too
stopped: errno ENETUNREACH
stopped runsc: errno EHOSTUNREACH, ENETUNREACH
control: lift network
container: model
"""

import socket

import arena
import probe


def attack():
    for address in [("127.0.0.1", arena.HOST_PORT), ("1.1.1.1", 443), ("172.17.0.1", 2375)]:
        try:
            with socket.create_connection(address, timeout=2) as connection:
                return f"{address[0]} said {connection.recv(64)!r}"
        except OSError as error:
            last = error
    raise last


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
