"""Sets a filter by seccomp(2), which can make the process itself the judge of its calls.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("seccomp", 0xFF, 0, 0, answers=("EINVAL", "ENOSYS"))


main = probe.attempting(attack)
