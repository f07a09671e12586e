"""Sets the machine's clock, which no namespace hides.

layer: our seccomp profile
stopped: errno EPERM
control: lift seccomp
"""

import probe

NO_CLOCK = 999

main = probe.attempting(lambda: probe.reached("clock_settime", NO_CLOCK, 0, answers=("EINVAL",)))
