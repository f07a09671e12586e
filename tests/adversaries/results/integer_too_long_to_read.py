"""Claims an integer of 60,000 digits, which takes long to convert.

layer: the host's strict JSON, and Python's limit on digits
stopped: no_result: not sound JSON
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text='{"version": 1, "config": {}, "claims": {"steps": %s}}' % ("9" * 60_000))
