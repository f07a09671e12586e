"""Saves a list where an object belongs.

layer: the host's strict JSON
stopped: no_result: not an object
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text='[{"version": 1, "config": {}, "claims": {"train_loss": 0.1}}]')
