"""Takes memory that even the kernel cannot see (memfd_secret).

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("memfd_secret", 0xFF, answers=("EINVAL", "ENOSYS"))


main = probe.attempting(attack)
