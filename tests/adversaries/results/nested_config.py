"""Nests its config 500 deep: it can be read, but whoever copies or compares it recurses.

layer: a depth of the config that is bounded
stopped: no_result: nested too deep
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    text = '{"version": 1, "config": {"a": %s}, "claims": {"train_loss": 0.1}}'
    probe.write_result(text=text % ("[" * 500 + "]" * 500))
