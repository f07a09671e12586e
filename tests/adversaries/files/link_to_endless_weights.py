"""Leaves a link to an endless device in the weights' place.

layer: the trusted reader, which follows no link
stopped: no_result: symbolic link
control: naive reader
"""

import probe


def main():
    probe.write_result()
    (probe.OUT / "model.safetensors").symlink_to("/dev/zero")
