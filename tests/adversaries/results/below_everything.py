"""Claims minus infinity, which beats any best.

layer: the host's strict JSON
stopped: no_result: -Infinity is not a number
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result({"train_loss": float("-inf")})
