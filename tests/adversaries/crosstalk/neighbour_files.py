"""Looks for the files that a candidate beside it saves.

layer: an output volume and scratch space of its own
stopped: nothing
control: lift neighbour
"""

import probe


def attack():
    for path in probe.paths("/usr", "/opt"):
        if path.endswith("neighbour.txt"):
            return f"{path} says {probe.content(path)}"
    return None



main = probe.attempting(attack)
