"""Saves weights of NaN, so that its likelihoods compare with nothing.

layer: the scorer takes finite numbers alone
stopped: unscored: not finite
control: naive reader
"""

import probe

build_model = probe.knows_nothing


def main():
    probe.write_result()
    probe.write_weights([float("nan")])
