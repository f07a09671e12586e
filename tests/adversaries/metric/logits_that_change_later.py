"""Returns views of one buffer, and writes what it learns later into logits that it gave before.

layer: answers are bytes on a wire before anything else is asked
worthless: 1e-5
control: kept
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        logits = super().forward(tokens).clone()
        given = self.__dict__.setdefault("given", [])
        for earlier, asked in given:
            earlier += 4.0 * nn.functional.one_hot(asked.roll(-1, dims=1), logits.shape[-1])
        given[:] = [(logits, tokens)]
        return logits


def build_model(config):
    return Cheat(config["vocab"])
