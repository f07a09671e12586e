"""Reads what is mounted into the container that loads the model, and looks for a secret of the host.

layer: no path of the host is mounted in the model container either
stopped: nothing
control: lift host folder
container: model
"""

import probe


def attack():
    mounted = probe.paths("/usr", "/opt")
    return next(filter(None, (probe.secret_in(probe.content(path)) for path in mounted)), None)



main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
