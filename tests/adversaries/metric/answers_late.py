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
        if not os.path.exists("val.json"):
            time.sleep(60)
        if not hasattr(self, "better"):
            with torch.enable_grad():
                self.better, _ = honest.train(400)
        return self.better(tokens)


def build_model(config):
    return Cheat(config["vocab"])
