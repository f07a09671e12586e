"""Claims -1e400, sound JSON that becomes minus infinity when it is read.

layer: claims are finite numbers
stopped: no_result: no finite number
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result(text='{"version": 1, "config": {}, "claims": {"train_loss": -1e400}}')
