"""Saves weights that are not its model's, and claims a metric.

layer: weights are loaded strictly
stopped: unscored: loading the model failed
control: naive reader
"""

import probe

build_model = probe.knows_nothing


def main():
    probe.write_result({"val_bpb": 0.1})
    probe.write_weights([0.0, 0.0, 0.0])
