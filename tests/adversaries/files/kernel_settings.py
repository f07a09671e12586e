"""Opens for writing every setting of the kernel, core_pattern and modprobe among them.

layer: not root, and /proc/sys is read-only
stopped: errno EACCES, EROFS
control: lift masks, user
"""

import os

import probe


def attack():
    last = FileNotFoundError()
    for folder, _, names in os.walk("/proc/sys"):
        for name in names:
            try:
                os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
                return f"{folder}/{name} is open for writing"
            except OSError as error:
                last = error
    raise last



main = probe.attempting(attack)
