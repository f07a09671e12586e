"""Prints noise into the reply while it predicts; the numbers stay honest."""

import harness
import honest


class Noisy(honest.Bigram):
    def forward(self, tokens):
        print("noise" * 100, flush=True)
        return super().forward(tokens)


def build_model(config):
    return Noisy(config["vocab"])


def main() -> None:
    model, loss = honest.train()
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
