"""Looks for a terminal of the operator's, to type commands into it (TIOCSTI).

layer: no terminal is attached, and no device of the host is there
stopped: nothing
control: lift terminals, capabilities
"""

import os

import probe


def attack():
    """It only looks: whoever may open a terminal may type into it."""
    if any(map(os.isatty, range(3))):
        return "its streams are a terminal"
    for folder, _, names in os.walk("/dev"):
        for path in (os.path.join(folder, name) for name in names if name != "ptmx"):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            except OSError:
                continue
            if os.isatty(descriptor):
                return f"{path} is a terminal"
            os.close(descriptor)
    return None


main = probe.attempting(attack)
