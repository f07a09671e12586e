"""Saves a result in UTF-16, which some readers guess and others do not.

layer: the trusted reader takes UTF-8 alone
stopped: no_result: not UTF-8
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text='{"version": 1, "config": {}, "claims": {"train_loss": 0.1}}'.encode("utf-16"))
