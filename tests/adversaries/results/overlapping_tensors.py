"""Names 1,000 tensors that all lie over the same bytes, so that a little file becomes a lot of memory.

layer: tensors tile the file exactly
stopped: no_result: do not fit its size
control: naive reader
"""

import json

import probe


def main():
    probe.write_result()
    entry = {"dtype": "F32", "shape": [1024], "data_offsets": [0, 4096]}
    header = {f"layer{index}": entry for index in range(1000)}
    probe.write_tensors(json.dumps(header).encode(), bytes(4096))
