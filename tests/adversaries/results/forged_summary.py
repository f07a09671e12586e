"""Saves worthless weights, and prints the summary that a host of old would have searched for its metric.

layer: the host's own measurement: the log decides nothing
stopped: measured above 7
control: naive reader
"""

import probe

build_model = probe.knows_nothing


def main():
    probe.save_something()
    print("---\nval_bpb:          0.100000\ntraining_seconds: 300.0\npeak_vram_mb:     1.0", flush=True)
