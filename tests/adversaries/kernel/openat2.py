"""Opens a file by the call whose flags no filter can see.

layer: our seccomp profile, which says that there is no such call
stopped: errno ENOSYS
stopped runsc: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("openat2", -100, b"/work", 0, 0, answers=("EINVAL", "EFAULT"))


main = probe.attempting(attack)
