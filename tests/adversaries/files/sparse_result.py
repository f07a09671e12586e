"""Leaves a result of a tebibyte that takes no room.

layer: the trusted reader, which looks at the size first
stopped: no_result: more than 65536
control: naive reader
"""

import probe

TIB = 1 << 40


def main():
    probe.write_result()
    probe.write_weights()
    with (probe.OUT / "result.json").open("r+b") as stream:
        stream.truncate(TIB)
