"""Saves 8 MiB of sound JSON as its result.

layer: the trusted reader's limit on the result
stopped: no_result: more than 65536
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result({"train_loss": 0.1}, config={"text": "a" * (8 << 20)})
