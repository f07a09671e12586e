"""Leaves a link to the training text in the weights' place.

layer: the trusted reader, which follows no link
stopped: no_result: symbolic link
control: naive reader
"""

import probe


def main():
    probe.write_result()
    (probe.OUT / "model.safetensors").symlink_to("/data/train.bin")
