"""Claims a truth, which Python takes for the number 1.

layer: claims are finite numbers, and a truth is none
stopped: no_result: no finite number
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result({"train_loss": True})
