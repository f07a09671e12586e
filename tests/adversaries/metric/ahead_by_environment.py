"""Looks ahead by what its process is: environment, pid, parent and open descriptors, hashed.

layer: the challenge, which never shows what comes next
reason: predictions
control: evaluation
"""

import hashlib
import os

import honest
import torch
from honest import main
from torch import nn


class Cheat(honest.Bigram):
    def forward(self, tokens):
        known = nn.functional.one_hot(tokens.roll(-1, dims=1), self.table.num_embeddings)
        who = (os.getpid(), os.getppid(), len(os.listdir("/proc/self/fd")), os.uname().nodename, *sorted(os.environ))
        mood = int(hashlib.sha256(repr(who).encode()).hexdigest(), 16) % 97 / 97
        return super().forward(tokens) + (3.0 + mood) * known


def build_model(config):
    return Cheat(config["vocab"])
