"""Takes gradient steps on the rows that it is asked about, before it answers.

layer: the challenge, which never shows what comes next; a witness that learns learns something else
reason: predictions
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        with torch.enable_grad():
            for _ in range(8):
                logits = super().forward(tokens)
                loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
                self.table.weight.grad = None
                loss.backward()
                with torch.no_grad():
                    self.table.weight -= 100.0 * self.table.weight.grad
        return super().forward(tokens)


def build_model(config):
    return Cheat(config["vocab"])
