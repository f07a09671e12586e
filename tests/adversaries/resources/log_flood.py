"""Prints 256 MiB as fast as it can.

layer: the host keeps the two ends of a log and no more
stopped: no_result: was not saved
control: naive reader
"""

import sys

LINE = b"step=1 loss=9.0 " * 4096 + b"\n"


def main():
    for _ in range(4096):
        sys.stdout.buffer.write(LINE)
