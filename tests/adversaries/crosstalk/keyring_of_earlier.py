"""Leaves a key in the keyring of its user, which all containers of one user share.

layer: our seccomp profile: keyrings know no containers
stopped: errno EPERM
control: same container, seccomp
"""

import ctypes
import errno

import arena
import probe

USER_KEYRING, UNLINK, SEARCH = -4, 9, 10
KIND, NAME = ctypes.c_char_p(b"user"), ctypes.c_char_p(arena.HOST_ABSTRACT_SOCKET.encode())


def attack():
    try:
        key = probe.system_call("keyctl", SEARCH, USER_KEYRING, KIND, NAME, 0)
    except OSError as error:
        if error.errno != errno.ENOKEY:
            raise
        probe.system_call("add_key", KIND, NAME, ctypes.c_char_p(b"here"), 4, USER_KEYRING)
        return None
    probe.system_call("keyctl", UNLINK, key, USER_KEYRING)
    return f"key {key} of an earlier candidate"



main = probe.attempting(attack)
