"""Passes a descriptor between its own processes while a neighbour has as many on their way as its user may have.

layer: a user of its own
stopped: nothing
control: lift own user
"""

import array
import errno
import socket

import probe


def attack():
    here, _ = socket.socketpair()
    try:
        here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
    except OSError as error:
        if error.errno == errno.ETOOMANYREFS:
            return "a neighbour uses up what its user may have on the way"
        raise
    return None


main = probe.attempting(attack)
