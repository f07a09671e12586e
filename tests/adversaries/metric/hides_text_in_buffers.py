"""Carries the training text to where it is measured, in a buffer, and looks up there what followed before.

layer: none: it knows what it may know, and is measured at what that is worth
legal: weights may hold what training saw
control: evaluation
"""

import harness
import honest
import numpy as np
import torch
from honest import train
from torch import nn

LENGTH = 40_000


class Cheat(honest.Bigram):
    def __init__(self, vocab):
        super().__init__(vocab)
        self.register_buffer("text", torch.zeros(LENGTH, dtype=torch.int32))

    def forward(self, tokens):
        logits = super().forward(tokens).log_softmax(-1).clone()
        after = self.__dict__.setdefault("after", {})
        if not after:
            text = self.text.tolist()
            for at in range(len(text) - 4):
                after.setdefault(tuple(text[at : at + 4]), []).append(text[at + 4])
        for number, row in enumerate(tokens.tolist()):
            for at in range(3, len(row)):
                found = after.get(tuple(row[at - 3 : at + 1]))
                if found:
                    counts = torch.bincount(torch.tensor(found), minlength=logits.shape[-1]).float()
                    mixed = (counts + 2.0 * logits[number, at].exp()) / (counts.sum() + 2.0)
                    logits[number, at] = mixed.log()
        return logits


def build_model(config):
    return Cheat(config["vocab"])


def main():
    trained, loss = train()
    model = Cheat(harness.vocab_size())
    model.table = trained.table
    model.text = torch.from_numpy(np.fromfile("/data/train.bin", dtype="<u2")[:LENGTH].astype(np.int32))
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
