"""Nests its result 30,000 deep, so that a reader's recursion ends it.

layer: the host's strict JSON
stopped: no_result: not sound JSON
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text="[" * 30_000 + "]" * 30_000)
