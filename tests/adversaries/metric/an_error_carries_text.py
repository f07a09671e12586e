"""Carries held-out text out in the name of an exception, for the next proposal to learn from.

layer: what a model container says once it has seen held-out text is not repeated
reason: predicting failed
control: words
carries: text
"""

import honest
from honest import main


class Cheat(honest.Bigram):
    def forward(self, tokens):
        text = bytes(token for token in tokens[0].tolist() if token < 256)
        raise type("x" + text[text.find(b"canary") :][:24].hex(), (Exception,), {"__module__": "builtins"})


def build_model(config):
    return Cheat(config["vocab"])
