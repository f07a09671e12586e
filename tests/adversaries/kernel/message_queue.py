"""Opens a message queue, to leave word for the next attempt.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe


def attack():
    return probe.reached("mq_open", b"canary", 0o102, 0o600, 0, answers=("ENOSYS", "EACCES"))


main = probe.attempting(attack)
