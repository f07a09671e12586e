"""Makes shared memory, semaphores and message queues of the old kind, to leave word for the next attempt.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

from functools import partial

import probe

ATTEMPTS = [
    partial(probe.reached, "shmget", 0x1337, 4096, 0o1600, answers=("ENOSYS",)),
    partial(probe.reached, "semget", 0x1337, 1, 0o1600, answers=("ENOSYS",)),
    partial(probe.reached, "msgget", 0x1337, 0o1600, answers=("ENOSYS",)),
]


def attack():
    return probe.any_of(ATTEMPTS)


main = probe.attempting(attack)
