"""How often rare lies are found, and what they gain: real claims, recorded once, under thousands of draws.

The cheats of the corpus that look ahead at 1, 0.3 and 0.1 per cent of the targets claim once, in real
containers; so does the honest model, whose claims are what a witness would answer. Cuts are then drawn as
the scorer draws them, and its own arithmetic says what each draw would have found.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from orchestrator.policy import MetricPolicy
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.order import Shape
from orchestrator.scoring.challenge import correction, differences, draw_rounds
from orchestrator.scoring.held_out import HeldOut, held_out_of
from tests.docker.cheats import METRIC as CORPUS
from tests.docker.cheats_bench import METRIC, PATIENT, cheat_data, cheat_outfit
from tests.docker.conftest import attempt_of, candidate

ROWS, LENGTH, BATCH_ROWS = 128, 128, 16
CHEATS = ("ahead_at_one_percent", "ahead_at_three_per_mille", "ahead_at_one_per_mille")
CUTS = (128, 1024, 10240)
TOLERANCE_NATS = MetricPolicy().challenge_tolerance_nats
Claims = NDArray[np.float32]


def record(folder: Path) -> tuple[NDArray[np.bool_], dict[str, Claims]]:
    """Which targets count [N, T], and the claims [N, T] of the honest model and of each cheat."""
    engine = Engine.connect()
    with cheat_data(engine, cheat_outfit(engine), folder) as (outfit, data):
        held_out = held_out_of(data, rows=ROWS, length=LENGTH, batch_rows=BATCH_ROWS)
        shape = Shape("train.py", LENGTH, "cpu")
        with DockerSandbox(engine, outfit, shape, PATIENT, METRIC) as sandbox:
            sources = {name: (CORPUS / f"{name}.py").read_text(encoding="utf-8") for name in CHEATS}
            sources["honest"] = candidate("honest")
            claims = {name: claimed(sandbox, held_out, source) for name, source in sources.items()}
    return held_out.counted, claims


def claimed(sandbox: DockerSandbox, held_out: HeldOut, source: str) -> Claims:
    run = sandbox.run(attempt_of(source))
    if not run.completed:
        raise SystemExit(f"{run.reason}\n{run.log}")
    with sandbox.open(run) as model:
        return np.concatenate([model.claim(batch) for batch in held_out.batches()])


@dataclass(frozen=True, slots=True)
class Cell:
    """One cheat at one number of cuts. Gains are nats a target below honest, with standard errors.

    `gain` is that of the unrefused estimate, `kept` that of the score as it is, where a refusal gains nothing
    and two standard errors are added; `survivor` is `kept` over the draws that found no lie.
    """

    share: float
    cuts: int
    draws: int
    found: float
    gain: tuple[float, float]
    kept: tuple[float, float]
    survivor: float

    @property
    def formula(self) -> float:
        return float(1 - (1 - self.share) ** self.cuts)


def measure(counted: NDArray[np.bool_], claims: Claims, honest: Claims, *, cuts: int, draws: int) -> Cell:
    random = np.random.default_rng(cuts)
    targets = int(counted.sum())
    true = honest.astype(np.float64)
    lie = float((true - claims)[counted].sum())
    share = float((np.abs(true - claims) > TOLERANCE_NATS)[counted].mean())
    found, gains, kept = np.zeros(draws, dtype=bool), np.zeros(draws), np.zeros(draws)
    for draw in range(draws):
        drawn = draw_rounds(counted, -(-cuts // len(counted)), random)
        rounds = [(asked, differences(claims, asked, true[asked.rows, asked.at])) for asked in drawn]
        seen = correction(counted, rounds, TOLERANCE_NATS)
        found[draw] = seen.lies > 0
        gains[draw] = (lie - seen.nats) / targets
        kept[draw] = 0.0 if seen.lies else (lie - seen.nats - 2 * seen.stderr) / targets
    survivor = float(kept[~found].mean()) if not found.all() else float("nan")
    return Cell(share, cuts, draws, float(found.mean()), _mean(gains), _mean(kept), survivor)


def _mean(numbers: NDArray[np.float64]) -> tuple[float, float]:
    return float(numbers.mean()), float(numbers.std(ddof=1) / np.sqrt(len(numbers)))


def table(cells: list[Cell]) -> Iterator[str]:
    yield "| lied at | cuts | found | formula | gain, 1e-4 nats | kept gain, 1e-4 nats | a survivor's |"
    yield "|---|---|---|---|---|---|---|"
    for cell in cells:
        gain, kept = (f"{1e4 * mean:.2f} +- {1e4 * error:.2f}" for mean, error in (cell.gain, cell.kept))
        survivor = "none survived" if np.isnan(cell.survivor) else f"{1e4 * cell.survivor:.2f}"
        yield (
            f"| {cell.share:.3%} | {cell.cuts} | {cell.found:.4f} | {cell.formula:.4f} | {gain} "
            f"| {kept} | {survivor} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=4000)
    draws = parser.parse_args().draws
    with TemporaryDirectory() as folder:
        counted, claims = record(Path(folder) / "data")
    honest = claims["honest"]
    cells = [
        measure(counted, claims[name], honest, cuts=cuts, draws=draws) for name in CHEATS for cuts in CUTS
    ]
    print("\n".join(table(cells)))  # noqa: T201 - the table is the result


if __name__ == "__main__":
    main()
