"""Opens the training tokens in the container that loads the model.

layer: the model container has no data volume
stopped: errno ENOENT
control: train container
container: model
"""

from pathlib import Path

import probe


def attack():
    return f"{len(Path('/data/train.bin').read_bytes())} bytes of training tokens"



main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
