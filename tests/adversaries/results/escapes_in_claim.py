r"""Names a claim with terminal escapes, which a console would obey.

layer: names of claims are plain, and reasons are made safe
stopped: no_result: no finite number
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result({"\x1b]0;root\x07\x1b[2J\u202eloss": 0.1})
