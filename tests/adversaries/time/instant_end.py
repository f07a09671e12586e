"""Ends at once, and says that it has trained for the whole time.

layer: a run is complete only by what it saved, and its seconds are the host's
stopped: no_result: was not saved
control: naive reader
"""


def main():
    print("---\nval_bpb:          0.100000\ntraining_seconds: 300.0", flush=True)
