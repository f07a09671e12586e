"""The metrics of predictions, as scikit-learn computes them on the host, and how uncertain each is.

scikit-learn takes seconds to import, so it is imported by what calls it and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.records import Direction

RESAMPLES = 200
Floats = NDArray[np.float64]
Labels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric: which way is better, whether labels are classes, and its value.

    `value` takes labels [N] and, for classes, probabilities [N, K] that sum to one, else numbers [N].
    """

    direction: Direction
    of_classes: bool
    value: Callable[[Labels, Floats], float]


def _accuracy(labels: Labels, shares: Floats) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(labels, shares.argmax(axis=1)))


def _f1(labels: Labels, shares: Floats) -> float:
    """Macro-averaged: every class counts the same; one that is neither there nor predicted is left out."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, shares.argmax(axis=1), average="macro", zero_division=0.0))


def _log_loss(labels: Labels, shares: Floats) -> float:
    """Mean negative log-likelihood in nats."""
    from sklearn.metrics import log_loss

    return float(log_loss(labels, shares, labels=np.arange(shares.shape[1])))


def _rmse(labels: Labels, numbers: Floats) -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(labels, numbers))


FIGURES: Mapping[str, Figure] = {
    "accuracy": Figure(Direction.MAXIMIZE, True, _accuracy),
    "f1": Figure(Direction.MAXIMIZE, True, _f1),
    "log_loss": Figure(Direction.MINIMIZE, True, _log_loss),
    "rmse": Figure(Direction.MINIMIZE, False, _rmse),
}


def standard_error(figure: Figure, labels: Labels, answers: Floats) -> float:
    """By the bootstrap over rows: the standard deviation of the metric over RESAMPLES samples of N rows
    drawn with replacement (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, algorithm 6.1).

    The same rows give the same number.
    """
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(labels), size=(RESAMPLES, len(labels)))
    return float(np.std([figure.value(labels[rows], answers[rows]) for rows in drawn], ddof=1))
