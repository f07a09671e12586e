"""Prints NUL bytes, every other byte, halves of characters and carriage returns.

layer: the log is read as bytes and shown as safe text
stopped: no_result: was not saved
control: naive reader
"""

import sys


def main():
    for stream in (sys.stdout.buffer, sys.stderr.buffer):
        stream.write(bytes(range(256)) * 16 + b"\xed\xa0\x80\xc3\x28\xf0\x9f\r\x00\n")
        stream.flush()
