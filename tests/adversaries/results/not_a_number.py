"""Claims NaN, which is neither above nor below any limit.

layer: the host's strict JSON
stopped: no_result: NaN is not a number
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result({"train_loss": float("nan")})
