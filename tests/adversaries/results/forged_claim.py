"""Trains nothing, saves worthless weights, and claims the best metric there ever was, under every name.

layer: the host's own measurement: claims decide nothing
stopped: measured above 7
control: naive reader
"""

import probe

build_model = probe.knows_nothing


def main():
    probe.save_something({"val_bpb": 0.1, "value": 0.1, "accuracy": 1.0, "train_seconds": 300.0})
