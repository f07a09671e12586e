"""The challenge: what the claims would have been worth without the future, estimated without bias.

After every claim is hashed, the host draws one random cut in each row and gives a second, fresh model
container each row up to its cut, with real training text behind it, at the evaluation's own shape, in
another order. That container answers the logits at the cut, which the host normalises in float64. It
cannot have the true next token, whatever the first container did, so its expected loss is the honest
predictive loss of the model at that place.

With c[i, t] the claimed nats and h[i, t] the honest ones, n[i] the counted targets of row i, and the cut
k[i] uniform over them and drawn after the claims are fixed, the corrected total

    sum(c) + sum over i of n[i] * (h[i, k[i]] - c[i, k[i]])

has the expectation sum(h): the claims cancel, so a lie gains nothing on average, however it is spread. For
a causal model every difference is rounding, and the correction has almost no variance. Several rounds
(cuts) a row are averaged; they ascend in each row, so that no earlier question holds a later answer. Two
standard errors of the correction count against the model, so that luck with the cuts is worth nothing; and
one in its favour is not given, for a witness may have learnt from the beginnings of the rows before.

A candidate that lies by more than the tolerance at a share f of the targets is named with probability

    1 - (1 - f) ** m        with m cuts in all: 0.9999 for f = 0.1 per cent and m = 10,240

and what stays hidden from m cuts is of the order 1 / m of the targets: a lie at just 1 / m of them, by L
nats each, survives with probability 0.37 and then gains L / m nats a target. That is the price of a
sample; raise `metric.challenge_cuts` to lower it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Nats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cuts:
    """One round: rows in the order in which they are sent [M], and the cut in each: an index of inputs [M].

    Row `rows[j]` is shown up to and with its input `at[j]`, and its target there is what is asked for.
    """

    rows: Ints
    at: Ints


@dataclass(frozen=True, slots=True)
class Correction:
    """What the challenge found, in nats over all targets: what is added, its standard error, and the lies.

    `worst` is the largest difference at one cut in nats, positive where the claim was too good; `lies`
    counts differences beyond the tolerance among `cuts` cuts.
    """

    nats: float
    stderr: float
    worst: float
    lies: int
    cuts: int


def draw_rounds(counted: NDArray[np.bool_], number: int, random: np.random.Generator) -> list[Cuts]:
    """So many rounds, each of one cut in every row of `counted` [N, T] that has a counted target.

    Cuts are uniform over a row's counted targets, rows are shuffled anew in each round, and a row's cuts
    ascend from round to round: what a witness was shown before a cut never reaches beyond it.
    """
    numbers = counted.sum(axis=1)
    rows = np.flatnonzero(numbers)
    places = counted[rows].cumsum(axis=1)
    drawn = np.sort(random.integers(0, numbers[rows], size=(number, len(rows))), axis=0)
    rounds = []
    for nth in drawn:
        order = random.permutation(len(rows))
        at = (places <= nth[:, None]).sum(axis=1)
        rounds.append(Cuts(rows[order].astype(np.int64), at[order].astype(np.int64)))
    return rounds


def blinded(
    rows: NDArray[np.uint16], cuts: Cuts, foreign: NDArray[np.uint16], random: np.random.Generator
) -> NDArray[np.uint16]:
    """Inputs [M, T] of held-out rows [N, T + 1], all behind each cut replaced by a window of `foreign`.

    `foreign` is text that the model may know anyway: it must not hold held-out text, which would show one
    row's future in another one.
    """
    length = rows.shape[1] - 1
    starts = random.integers(0, len(foreign) - length + 1, size=len(cuts.rows))
    windows = foreign[starts[:, None] + np.arange(length)[None, :]]
    behind = np.arange(length)[None, :] > cuts.at[:, None]
    inputs: NDArray[np.uint16] = np.where(behind, windows, rows[cuts.rows, :-1])
    return inputs


def nats_of(logits: NDArray[np.float32], targets: Ints) -> Nats:
    """Negative log-likelihood [M] of targets [M] under logits [M, V], normalised here in float64."""
    wide = logits.astype(np.float64)
    peak = wide.max(axis=1)
    log_sum = peak + np.log(np.exp(wide - peak[:, None]).sum(axis=1))
    nats: Nats = log_sum - wide[np.arange(len(wide)), targets]
    return nats


def differences(claims: NDArray[np.float32], cuts: Cuts, challenged: Nats) -> Nats:
    """Challenged minus claimed nats at each cut [M]: positive where the claim was too good."""
    return challenged - claims[cuts.rows, cuts.at].astype(np.float64)


def correction(
    counted: NDArray[np.bool_], rounds: list[tuple[Cuts, Nats]], tolerance_nats: float
) -> Correction:
    """The correction from one or more rounds of cuts and their differences.

    The standard error is that of a sum over rows of independent draws (Cochran, Sampling Techniques, 1977,
    chapter 2), from the spread of n[i] * difference between rows, averaged over a row's rounds.
    """
    numbers = counted.sum(axis=1).astype(np.float64)
    of_row = np.zeros(len(numbers))
    for cuts, found in rounds:
        of_row[cuts.rows] += numbers[cuts.rows] * found / len(rounds)
    shown = of_row[numbers > 0]
    spread = np.square(shown - shown.mean()).sum() * len(shown) / max(len(shown) - 1, 1)
    every = np.concatenate([found for _, found in rounds])
    return Correction(
        nats=float(of_row.sum()),
        stderr=float(np.sqrt(spread)),
        worst=float(every[np.abs(every).argmax()]),
        lies=int((np.abs(every) > tolerance_nats).sum()),
        cuts=len(every),
    )
