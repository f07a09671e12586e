"""Names 200,000 empty tensors, so that reading the header alone takes long.

layer: the trusted reader's limit on the header
stopped: no_result: no sane header
control: naive reader
"""

import json

import probe


def main():
    probe.write_result()
    entry = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({str(index): entry for index in range(200_000)}, separators=(",", ":"))
    probe.write_tensors(header.encode(), b"")
