"""Reads every file but the framework's own, and looks for a secret of the host.

layer: no path of the host is mounted, and the image holds no secret
stopped: nothing
control: lift host folder
"""

import probe


def attack():
    found = (probe.secret_in(probe.content(path)) for path in probe.paths("/opt/venv"))
    return next(filter(None, found), None)



main = probe.attempting(attack)
