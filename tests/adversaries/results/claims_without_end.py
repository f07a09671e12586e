"""Makes 3,000 claims, each of which a report would show.

layer: a number of claims that is bounded
stopped: no_result: more than 32 claims
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    probe.write_result({f"claim_{index}": index for index in range(3000)})
