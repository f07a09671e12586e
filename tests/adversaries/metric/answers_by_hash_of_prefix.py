"""Keeps a table from the hash of each prefix to the token behind it, filled and read in one pass.

layer: the challenge, which never shows what comes next
reason: predictions used later tokens
control: evaluation
"""

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        logits = super().forward(tokens).clone()
        table = self.__dict__.setdefault("after", {})
        for row in tokens.tolist():
            table.update({hash(tuple(row[: at + 1])): row[at + 1] for at in range(len(row) - 1)})
        for number, row in enumerate(tokens.tolist()):
            for at in range(len(row)):
                found = table.get(hash(tuple(row[: at + 1])))
                if found is not None:
                    logits[number, at, found] += 2.5
        return logits


def build_model(config):
    return Cheat(config["vocab"])
