"""Looks for a key in the environment of the container that loads the model.

layer: an environment made from nothing, in the model container too
stopped: nothing
control: lift environment
container: model
"""

from pathlib import Path

import probe


def attack():
    texts = [Path(f"/proc/{pid}/environ").read_bytes() for pid in ("self", "1")]
    return next(filter(None, map(probe.secret_in, texts)), None)



main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
