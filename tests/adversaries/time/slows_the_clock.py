"""Makes the machine's clock run slower.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe

NOWHERE = 8

main = probe.attempting(lambda: probe.reached("adjtimex", NOWHERE, answers=("EFAULT",)))
