"""Leaves a process that listens on a socket without a file, and calls an earlier one.

layer: a network namespace of its own; sockets without a file belong to it
stopped: nothing
control: same container
"""

import os
import socket

import probe

NAME = "\0left-behind"


def attack():
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(NAME)
    except OSError:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(NAME)
            return client.recv(64)
    server.listen()
    if os.fork() == 0:
        os.closerange(0, 3)
        while True:
            server.accept()[0].send(b"an earlier candidate answers")
    server.close()
    return None



main = probe.attempting(attack)
