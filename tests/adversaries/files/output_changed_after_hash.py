"""Changes the weights in the model container, after they were hashed.

layer: the model container has the output read-only
stopped: errno EROFS
control: train container
container: model
"""

import probe


def attack():
    probe.write_weights([1.0])
    return "wrote other weights"



main = probe.save_something
build_model = probe.attempting_when_loaded(attack)
