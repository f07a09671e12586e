"""Sets the suite up from what a command line knows, and takes everything down again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrator.assembly import PROJECT, Bench
from orchestrator.data import TRAINING_FILES
from orchestrator.gate import PolicyGate
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.policy import DecisionPolicy
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proving.canaries import Canaries
from orchestrator.proving.program import SHARED, Program
from orchestrator.proving.ring import BATCH_ROWS, ROW_TOKENS, ROWS, Ring, made_small
from orchestrator.proving.row import Row
from orchestrator.proving.stage import set_stage
from orchestrator.proving.suite import Arena, Suite
from orchestrator.proving.text import write_bytes_as_tokens
from orchestrator.sandbox.container import RUN_LABEL, Outfit
from orchestrator.sandbox.ownership import OWNER_LABEL, guarded, owner_of, reap
from orchestrator.sandbox.volumes import DataFile, fill_data_volume
from orchestrator.scoring.held_out import HeldOut, held_out_of

PROGRAMS = PROJECT / "tests" / "adversaries"
TAG = "prove"


def prove(bench: Bench, programs: Sequence[Program], done: Callable[[Row], object]) -> list[Row]:
    """A row for each program, in order. Raises SandboxError when nothing can be proven at all."""
    with _arena(bench) as arena:
        return [row for rows in Suite(arena).rows(programs, done) for row in rows]


@contextmanager
def _arena(bench: Bench) -> Iterator[Arena]:
    bench, canaries = replace(bench, policy=made_small(bench.policy)), Canaries()
    engine, policy = bench.engine, bench.policy
    labels = {RUN_LABEL: TAG, OWNER_LABEL: owner_of(os.getpid())}
    outfit = replace(bench.outfit, labels=labels)
    reap(engine)
    honest = (PROGRAMS / "honest.py").read_text(encoding="utf-8")
    neighbour = (PROGRAMS / "neighbour.py").read_text(encoding="utf-8")
    with (
        TemporaryDirectory(prefix="autoresearch-prove-") as scratch,
        guarded(bench.settings.docker_host),
        _data_volume(bench, outfit, Path(scratch) / "data", canaries) as (outfit, held_out),
        set_stage(engine, outfit, Path(scratch), canaries, neighbour=neighbour) as stage,
        Ring(engine, outfit, policy, held_out) as ring,
        GitLedger(Path(scratch) / "run", Origin(TAG, {"train.py": honest}, policy.digest, "0")) as ledger,
    ):
        shared = {name: (PROGRAMS / name).read_text(encoding="utf-8") for name in SHARED}
        shared["arena.py"] = stage.arena
        edit = policy.edit.model_copy(update={"files": ["train.py", *shared], "max_changed_lines": 100_000})
        yield Arena(
            engine=engine,
            outfit=outfit,
            ring=ring,
            stage=stage,
            ledger=ledger,
            gate=PolicyGate(edit, "train.py", {}),
            rules=DecisionPolicy(rule="greedy"),  # one run each: noise is not the matter here
            prompt=PromptBuilder(agenda="Prove it.", edit=edit, entry_file="train.py", entry_points={}),
            shared=shared,
            honest=honest,
            tag=TAG,
        )


@contextmanager
def _data_volume(
    bench: Bench, outfit: Outfit, folder: Path, canaries: Canaries
) -> Iterator[tuple[Outfit, HeldOut]]:
    """The training volume of this suite alone, and what is held out with a secret in it."""
    data = write_bytes_as_tokens(folder, everywhere=os.urandom(16), held_out=canaries.held_out.encode())
    files = [DataFile(name, data.path / name, *data.files[name]) for name in TRAINING_FILES]
    volume = fill_data_volume(bench.engine, outfit, files)
    try:
        held_out = held_out_of(data, rows=ROWS, length=ROW_TOKENS, batch_rows=BATCH_ROWS)
        yield replace(outfit, data_volume=volume), held_out
    finally:
        bench.engine.remove_volume(volume)
