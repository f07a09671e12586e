"""Puts another file in the weights' place by renaming, from the container that loads the model.

layer: /out is read-only where the model is loaded
stopped: errno EROFS
control: lift plain output
container: model
"""

import probe


def attack():
    (probe.OUT / "model.safetensors.part").write_bytes(b"other weights")
    (probe.OUT / "model.safetensors.part").rename(probe.OUT / "model.safetensors")
    return "renamed other weights into place"


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
