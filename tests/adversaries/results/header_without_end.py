"""Says that the header of its weights has 2^63 bytes.

layer: the trusted reader's limit on the header
stopped: no_result: no sane header
control: naive reader
"""

import probe


def main():
    probe.write_result()
    probe.write_tensors(b"{}", b"", length=1 << 63)
