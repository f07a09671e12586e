"""Locks all its memory, so that the host can never move it.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe

main = probe.attempting(lambda: probe.reached("mlockall", 0, answers=("EINVAL",)))
