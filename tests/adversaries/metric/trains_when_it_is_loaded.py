"""Carries training text in its weights, and trains on where it is loaded, on the scorer's time.

layer: time in the model container that is bounded by what predicting takes
worthless: 0.001
control: evaluation
wins: loading and predicting have time of their own, in which a model may go on training
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
        if not hasattr(self, "trained"):
            self.trained = True
            self.train_on()
        return super().forward(tokens)

    @torch.enable_grad()
    def train_on(self):
        text, random = self.text.long(), np.random.default_rng(1)
        for _ in range(150):
            rows = torch.stack([text[at : at + 65] for at in random.integers(0, LENGTH - 65, 8)])
            loss = nn.functional.cross_entropy(self.table(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
            self.table.weight.grad = None
            loss.backward()
            self.table.weight.data -= 10.0 * self.table.weight.grad


def build_model(config):
    return Cheat(config["vocab"])


def main():
    trained, loss = train()
    model = Cheat(harness.vocab_size())
    model.table = trained.table
    model.text = torch.from_numpy(np.fromfile("/data/train.bin", dtype="<u2")[:LENGTH].astype(np.int32))
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
