"""Writes the result and the weights anew from the container that loads the model.

layer: /out is read-only where the model is loaded
stopped: errno EROFS
control: lift plain output
container: model
"""

import probe


def attack():
    probe.save_something({"val_bpb": 0.1})
    return "wrote result and weights"


main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
