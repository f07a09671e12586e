"""Takes its temperature from the batch, by what makes the rows beside fit best.

layer: a batch of other rows for the witness
reason: predictions
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        logits = super().forward(tokens)
        heats = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
        targets = tokens.roll(-1, dims=1).flatten()
        losses = [nn.functional.cross_entropy((heat * logits).flatten(0, 1), targets).item() for heat in heats]
        count = nn.functional.one_hot(tokens.flatten(), logits.shape[-1]).sum(dim=0)
        return logits * heats[losses.index(min(losses))] + 0.5 * (count + 0.01).log()


def build_model(config):
    return Cheat(config["vocab"])
