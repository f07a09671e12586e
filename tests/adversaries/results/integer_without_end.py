"""Claims an integer of 4,000 digits, which no float can hold.

layer: claims are finite numbers
stopped: no_result: no finite number
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result({"steps": int("9" * 4000)})
