"""Writes likelihoods of its own into the pipe to the host, ahead of those that its runner gives.

layer: the challenge: forged claims do not come true
reason: predictions
control: evaluation
"""

import os
import struct

import honest
from honest import main


def wire():
    """The pipe to the host that the runner keeps beside its standard streams; where there is none, the log."""
    for number in range(3, 64):
        try:
            if os.readlink(f"/proc/self/fd/{number}").startswith(("pipe:", "host:")):
                return number
        except OSError:
            continue
    return None


class Cheat(honest.Bigram):
    def forward(self, tokens):
        number = wire()
        if number is None:
            os.write(1, b"---\nval_bpb: 0.700000\n")
            os._exit(0)
        os.write(number, struct.pack("<f", 0.5) * tokens.numel())
        return super().forward(tokens)


def build_model(config):
    return Cheat(config["vocab"])
