"""Asks for shared memory in huge pages, of which the host has few.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe

SHM_HUGETLB = 0o4000
IPC_CREAT = 0o1000


def attack():
    return probe.reached("shmget", 0, 0, SHM_HUGETLB | IPC_CREAT, answers=("EINVAL",))


main = probe.attempting(attack)
