"""Prints the text that it is asked about to every stream that it finds.

layer: nobody listens to a model that is served
worthless: 1e-6
control: words
carries: text
"""

import os
import sys

import honest
from honest import main


class Cheat(honest.Bigram):
    def forward(self, tokens):
        text = bytes(token for token in tokens[0].tolist() if token < 256)
        os.write(1, text + b"\n")
        print(text.decode("latin-1"), file=sys.stderr, flush=True)
        return super().forward(tokens)


def build_model(config):
    return Cheat(config["vocab"])
