"""Sends open files to itself and closes them, so that they are held but not counted.

layer: the limit on open files, which counts those under way too
stopped: errno ETOOMANYREFS
stopped runsc: emulated
control: lift open files
"""

import os
import socket

import arena
import probe


def attack():
    sending, receiving = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    held, batch = [(sending, receiving)], 64
    for _ in range(arena.OPEN_FILES // batch + 2):
        files = [os.open("/dev/null", os.O_RDONLY) for _ in range(batch)]
        socket.send_fds(sending, [b"x"], files)
        for file in files:
            os.close(file)
    return f"{arena.OPEN_FILES + 2 * batch} files under way in {len(held)} socket"


main = probe.attempting(attack)
