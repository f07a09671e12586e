"""A hook on its own table carries what it saw of earlier batches and of later tokens into the output.

layer: the challenge, which never shows what comes next
reason: predictions
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        if not hasattr(self, "count"):
            self.count = torch.full((self.table.num_embeddings,), 0.5)
            self.table.register_forward_hook(self.leak)
        return super().forward(tokens)

    def leak(self, table, inputs, output):
        self.count += nn.functional.one_hot(inputs[0].flatten(), table.num_embeddings).sum(dim=0)
        return output + (self.count / self.count.sum() + 1e-4).log()


def build_model(config):
    return Cheat(config["vocab"])
