"""Begins its result with a byte order mark, which some readers skip and others do not.

layer: the host reads plain UTF-8 alone
stopped: no_result: not sound JSON
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text=b'\xef\xbb\xbf{"version": 1, "config": {}, "claims": {"train_loss": 0.1}}')
