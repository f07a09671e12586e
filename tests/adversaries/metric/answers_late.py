"""Trains on while it is asked, until it is satisfied, and keeps its host waiting.

layer: a deadline for every frame
reason: predicting took too long
control: evaluation
deadline: frames
"""

import os
import time

import honest
import torch
from honest import main


class Cheat(honest.Bigram):
    def forward(self, tokens):
        until = time.monotonic() + (3.5 if not os.path.exists("val.json") else 0.0)
        if not hasattr(self, "better"):
            with torch.enable_grad():
                self.better, _ = honest.train(400)
        while time.monotonic() < until:
            time.sleep(0.05)
        return self.better(tokens)


def build_model(config):
    return Cheat(config["vocab"])
