"""Prints a metric and numbers into its standard output while it is asked.

layer: standard output is no wire where a model is served
worthless: 1e-6
control: evaluation
"""

import atexit
import os

import honest
from honest import main


class Cheat(honest.Bigram):
    def forward(self, tokens):
        os.write(1, b"\x00\x00\x00\x3f" * 64 + b"\n---\nval_bpb: 0.500000\n")
        atexit.register(os.write, 1, b"val_bpb: 0.500000\n")
        return super().forward(tokens)


def build_model(config):
    return Cheat(config["vocab"])
