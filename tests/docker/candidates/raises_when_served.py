"""Trains well, then refuses to predict."""

import harness
import honest


class Refusing(honest.Bigram):
    def forward(self, tokens):
        if not self.training:
            raise RuntimeError("not today")
        return super().forward(tokens)


def build_model(config):
    return Refusing(config["vocab"])


def main() -> None:
    model, loss = honest.train(2)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
