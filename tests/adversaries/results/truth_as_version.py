"""Says true where the version stands, which equals 1.

layer: the version is the integer 1
stopped: no_result: not version 1
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text='{"version": true, "config": {}, "claims": {"train_loss": 0.1}}')
