r"""Saves a config with half a character, which no file can hold as UTF-8.

layer: the host stores Unicode alone
stopped: no_result: not Unicode
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text=r'{"version": 1, "config": {"a": "\ud800"}, "claims": {"train_loss": 0.1}}')
