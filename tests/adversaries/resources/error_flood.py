"""Prints 64 MiB of errors in short lines, and ends as if all were well.

layer: the host keeps the two ends of a log and no more
stopped: no_result: was not saved
control: naive reader
"""

import sys

LINES = b"Traceback (most recent call last):\n" * 29_959


def main():
    for _ in range(64):
        sys.stderr.buffer.write(LINES)
    sys.stderr.flush()
