"""Trains well, then never answers."""

import time

import harness
import honest


class Sleeping(honest.Bigram):
    def forward(self, tokens):
        if not self.training:
            time.sleep(3600)
        return super().forward(tokens)


def build_model(config):
    return Sleeping(config["vocab"])


def main() -> None:
    model, loss = honest.train(2)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
