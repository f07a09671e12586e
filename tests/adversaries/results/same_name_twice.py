"""Names two tensors alike, so that the checker looks at one and the loader takes the other.

layer: the trusted reader takes no header in which a name stands twice
stopped: no_result: malformed header
control: naive reader
"""

import probe

build_model = probe.knows_nothing


def main():
    probe.write_result()
    entry = b'"weights":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}'
    header = b"{" + entry % (1 << 40, 1 << 42) + b"," + entry % (1, 4) + b"}"
    probe.write_tensors(header, bytes(4))
