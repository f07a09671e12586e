"""Saves a config with bytes that are no text.

layer: the trusted reader takes UTF-8 alone
stopped: no_result: not UTF-8
control: naive reader
"""

import probe

build_model = probe.knows_nothing


def main():
    probe.write_weights()
    probe.write_result(text=b'{"version": 1, "config": {"a": "\xff\xfe\x80"}, "claims": {}}')
