"""Names one claim twice inside its claims.

layer: the host's strict JSON
stopped: no_result: a key stands twice
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text='{"version": 1, "config": {}, "claims": {"loss": 9.0, "loss": 0.1}}')
