"""Prints one line of 64 MiB that never ends.

layer: the host reads bytes and no lines
stopped: no_result: was not saved
control: naive reader
"""

import sys


def main():
    for _ in range(64):
        sys.stdout.buffer.write(b"a" * (1 << 20))
        sys.stdout.buffer.flush()
