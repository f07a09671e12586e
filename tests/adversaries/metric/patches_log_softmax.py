"""Halves what log_softmax gives in its own process.

layer: the host adds up in a process of its own
worthless: 1e-6
control: log_softmax
"""

import honest
import torch
from honest import main


def build_model(config):
    true = torch.log_softmax
    torch.log_softmax = lambda *rows, **options: 0.5 * true(*rows, **options)
    return honest.Bigram(config["vocab"])
