"""A training script whose score is a formula: interactions, noise, and a region that crashes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from orchestrator.proposers.constants import read_constants
from orchestrator.records import Action, Entry, History, Proposal

SOURCE = '''"""A sample — with a dash that is three bytes."""

DEPTH = 4
WIDTH = 128
HEADS = 4
MLP_RATIO = 4
SOFTCAP = 15.0
BATCH_ROWS = 32
MUON_RATE = 0.02
EMBED_RATE = 0.2
HEAD_RATE = 0.004
MOMENTUM = 0.95
WEIGHT_DECAY = 0.0
BETA2 = 0.95
WARMUP_STEPS = 20
COOLDOWN = 0.4
'''

# name: the best value, and how much an octave away from it costs
OPTIMA = {
    "DEPTH": (5, 0.03),
    "WIDTH": (192, 0.03),
    "MLP_RATIO": (4, 0.01),
    "SOFTCAP": (20.0, 0.002),
    "BATCH_ROWS": (16, 0.03),
    "MUON_RATE": (0.035, 0.05),
    "EMBED_RATE": (0.3, 0.01),
    "HEAD_RATE": (0.008, 0.01),
    "WARMUP_STEPS": (10, 0.005),
    "COOLDOWN": (0.6, 0.02),
}
CRASH_ABOVE_RATE = 0.075


def true_value(source: str) -> float | None:
    """What an endless measurement would give; None for a crash."""
    values = read_constants(source, gpu=False).values
    if values["MUON_RATE"] > CRASH_ABOVE_RATE or values["WIDTH"] % values["HEADS"]:
        return None
    away = {name: math.log2(max(values[name], 1e-9) / best) for name, (best, _) in OPTIMA.items()}
    bowl = sum(cost * away[name] ** 2 for name, (_, cost) in OPTIMA.items())
    mixed = 0.02 * away["MUON_RATE"] * away["BATCH_ROWS"] + 0.02 * away["DEPTH"] * away["WIDTH"]
    betas = sum(0.01 * math.log2((1 - values[name]) / 0.04) ** 2 for name in ("MOMENTUM", "BETA2"))
    return 2.0 + bowl + mixed + betas + 0.5 * abs(values["WEIGHT_DECAY"] - 0.05)


def entry(number: int, source: str, value: float | None, *, action: Action, title: str = "") -> Entry:
    status = "crashed" if value is None else "scored"
    return Entry(
        number,
        title or f"edit {number}",
        "",
        "tuner",
        action,
        status,
        value,
        "",
        f"{number:040x}",
        {"train.py": source},
    )


def run(
    propose: Callable[[History], Proposal], count: int, *, noise: float, margin: float, seed: int
) -> History:
    """A greedy run of `count` proposals after the baseline, as the loop would do it."""
    random = np.random.default_rng([seed, 17])
    start = (true_value(SOURCE) or 0.0) + noise * random.standard_normal()
    history = History({"train.py": SOURCE}, start, (entry(1, SOURCE, start, action=Action.KEEP),))
    for number in range(2, count + 2):
        source = propose(history).files["train.py"]
        true = true_value(source)
        value = None if true is None else true + noise * random.standard_normal()
        kept = value is not None and history.best_value is not None and value <= history.best_value - margin
        closed = entry(number, source, value, action=Action.KEEP if kept else Action.DISCARD)
        history = replace(history, entries=(*history.entries, closed))
        if kept:
            history = replace(history, best_files={"train.py": source}, best_value=value)
    return history
