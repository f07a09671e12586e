"""Three predictions in a thousand is the token that really comes, where the model itself is most surprised.

layer: the challenge, with cuts enough; it may name the other rows, among which the places were chosen
reason: predictions
control: evaluation
cuts: 8192
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        logits = super().forward(tokens)
        surprise = -logits.log_softmax(-1).gather(2, tokens.roll(-1, dims=1).unsqueeze(-1))
        surprise[:, -1] = 0.0
        worst = surprise >= surprise.flatten().topk(max(1, round(0.003 * tokens.numel()))).values[-1]
        return logits + 30.0 * known * worst


def build_model(config):
    return Cheat(config["vocab"])
