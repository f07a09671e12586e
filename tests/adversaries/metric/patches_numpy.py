"""Halves what numpy adds up in its own process, and what it takes for a mean.

layer: the host adds up in a process of its own
worthless: 1e-6
control: numpy
"""

import honest
import numpy
from honest import main


def build_model(config):
    true_sum, true_mean = numpy.sum, numpy.mean
    numpy.sum = lambda *numbers, **options: 0.5 * true_sum(*numbers, **options)
    numpy.mean = lambda *numbers, **options: 0.5 * true_mean(*numbers, **options)
    return honest.Bigram(config["vocab"])
