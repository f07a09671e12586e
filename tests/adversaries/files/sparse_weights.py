"""Leaves weights of a tebibyte that take no room.

layer: the trusted reader, which looks at the size first
stopped: no_result: 1099511627776 bytes
control: naive reader
"""

import probe

TIB = 1 << 40


def main():
    probe.write_result()
    probe.write_weights()
    with (probe.OUT / "model.safetensors").open("r+b") as stream:
        stream.truncate(TIB)
