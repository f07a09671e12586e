"""A night of edits to the task's own train.py, of the kinds that a model proposes, with what became of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.records import Action, Entry, History

SOURCE = (Path(__file__).parents[2] / "train_template" / "train.py").read_text(encoding="utf-8")
NOISE = 0.0012


@dataclass(frozen=True)
class Edit:
    """One idea: its words, and the texts that it replaces."""

    title: str
    hypothesis: str
    kind: str
    swaps: tuple[tuple[str, str], ...]

    def applies(self, source: str) -> bool:
        return all(source.count(old) == 1 for old, _ in self.swaps)

    def to(self, source: str) -> str:
        for old, new in self.swaps:
            source = source.replace(old, new)
        return source


MLP = """\
        self.up = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.up(x).relu().square())
"""
GATED_MLP = """\
        self.up = nn.Linear(width, hidden, bias=False)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.silu(self.gate(x)) * self.up(x))
"""
BLOCK = """\
        x = x + self.attention(norm(x), turn)
        return x + self.mlp(norm(x))
"""
PARALLEL = """\
        h = norm(x)
        return x + self.attention(h, turn) + self.mlp(h)
"""
STREAM = """\
        for block in self.blocks:
            x = block(x, turn)
"""
SKIPS = """\
        first, halves = x, []
        for place, block in enumerate(self.blocks):
            if place < len(self.blocks) // 2:
                halves.append(x)
            elif halves:
                x = x + 0.5 * halves.pop()
            x = block(x, turn) + 0.1 * first
"""
COOLDOWN = "    cooldown = min(1.0, (1 - progress) / max(1e-9, COOLDOWN))\n"
COSINE = "    cooldown = 0.5 + 0.5 * math.cos(math.pi * max(0.0, (progress - 1 + COOLDOWN) / COOLDOWN))\n"
SQUARED = "    cooldown = min(1.0, (1 - progress) / max(1e-9, COOLDOWN)) ** 2\n"
STEP = "        optimizer.step()\n"
CLIPPED = """\
        for group in optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        optimizer.step()
"""
LOSS = "        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten()) / ACCUMULATION\n"
Z_LOSS = """\
        flat = logits.flatten(0, 1)
        loss = F.cross_entropy(flat, targets.flatten()) / ACCUMULATION
        loss = loss + 1e-4 * flat.logsumexp(-1).square().mean() / ACCUMULATION
"""
SMOOTHED = """\
        flat = logits.flatten(0, 1)
        loss = F.cross_entropy(flat, targets.flatten(), label_smoothing=0.02) / ACCUMULATION
"""

STRUCTURAL = (
    Edit("SwiGLU in the MLP", "gated units learn more from each token", "architecture", ((MLP, GATED_MLP),)),
    Edit("attention and MLP in parallel", "one norm fewer makes steps faster", "efficiency", ((BLOCK, PARALLEL),)),
    Edit("skips from the first half to the second", "gradients reach early blocks", "architecture", ((STREAM, SKIPS),)),
    Edit("cosine cooldown", "a smoother end settles lower", "schedule", ((COOLDOWN, COSINE),)),
    Edit("squared cooldown", "more time at small rates", "schedule", ((COOLDOWN, SQUARED),)),
    Edit("clip the gradients' norm at 1", "spikes cost more than they teach", "regularisation", ((STEP, CLIPPED),)),
    Edit("z-loss on the logits", "keeps the normaliser small", "regularisation", ((LOSS, Z_LOSS),)),
    Edit("a little label smoothing", "less confident, less overfitted", "regularisation", ((LOSS, SMOOTHED),)),
    Edit("four Newton-Schulz steps", "a fifth of the work less", "efficiency", (("range(5)", "range(4)"),)),
    Edit("GELU for the squared ReLU", "smoother units", "architecture", ((".relu().square()", ".mul(1.702).sigmoid()"),)),
    Edit("rotary base of 100,000", "longer waves", "architecture", (("10_000.0", "100_000.0"),)),
    Edit("embedding starts at half", "a calmer first step", "initialisation", (("nn.init.normal_(weight)", "nn.init.normal_(weight, std=0.5)"),)),
    Edit("uniform bound of 2", "smaller first activations", "initialisation", (("(3 / weight.size(1))", "(2 / weight.size(1))"),)),
    Edit("scale queries by 1.2", "sharper attention", "architecture", (("v, is_causal=True)", "v, is_causal=True, scale=1.2 / q.size(-1) ** 0.5)"),)),
    Edit("no softcap", "one op fewer", "efficiency", (("        return self.softcap * torch.tanh(logits / self.softcap)\n", "        return logits\n"),)),
)  # fmt: skip
CONSTANTS = {
    "DEPTH = 8": (6, 7, 9, 10), "WIDTH = 640": (512, 576, 704, 768), "MLP_RATIO = 4": (3, 5, 6),
    "SOFTCAP = 15.0": (10.0, 20.0, 30.0), "BATCH_ROWS = 32": (16, 24, 48), "ACCUMULATION = 4": (1, 2, 8),
    "MUON_RATE = 0.02": (0.015, 0.025, 0.03, 0.04), "EMBED_RATE = 0.2": (0.1, 0.15, 0.3, 0.4),
    "HEAD_RATE = 0.004": (0.002, 0.003, 0.006, 0.008), "MOMENTUM = 0.95": (0.9, 0.93, 0.97),
    "WEIGHT_DECAY = 0.1": (0.0, 0.05, 0.2), "BETA1 = 0.8": (0.7, 0.85, 0.9), "BETA2 = 0.95": (0.9, 0.98, 0.99),
    "WARMUP_STEPS = 20": (5, 10, 40, 80), "COOLDOWN = 0.5": (0.3, 0.4, 0.6, 0.7), "FINAL_RATE = 0.0": (0.02, 0.05),
}  # fmt: skip
KINDS = {"MUON": "optimizer", "EMBED": "optimizer", "HEAD": "optimizer", "BETA": "optimizer", "WARMUP": "schedule",
         "COOLDOWN": "schedule", "FINAL": "schedule", "BATCH": "data", "ACCUM": "data", "WEIGHT": "regularisation"}  # fmt: skip
TRACE = """\
step=12 progress=0.04 loss=7.31 step_seconds=0.21
Traceback (most recent call last):
  File "/opt/runner.py", line 311, in train
    module.main()
  File "/work/train.py", line 279, in main
    loss = train_step(model, optimizers, stream, rate_share(step, harness.progress()))
  File "/work/train.py", line 246, in train_step
    logits = model(inputs)
             ^^^^^^^^^^^^^
RuntimeError: The size of tensor a (640) must match the size of tensor b (512) at non-singleton dimension 2
"""


def edits() -> Iterator[Edit]:
    """Constants and structure in a fixed disorder, each idea once."""
    found = list(STRUCTURAL)
    for now, values in CONSTANTS.items():
        name, old = now.split(" = ")
        kind = next((kind for start, kind in KINDS.items() if name.startswith(start)), "architecture")
        why = f"{old} was a guess; the loss near it should tell which way is better"
        found += [Edit(f"{name} {old} -> {new}", why, kind, ((now, f"{name} = {new}"),)) for new in values]
    random.Random(7).shuffle(found)
    yield from found


def night(count: int, *, keeps: float = 0.18, crashes: float = 0.05, refusals: float = 0.04) -> History:
    """`count` closed attempts, the baseline first, each on the best of its time."""
    dice = random.Random(11)
    value = 1.02
    baseline = Entry(
        1, "baseline", "the task as it stands", "template", Action.KEEP, "scored", value, "the first", f"{1:040x}",
        {"train.py": SOURCE}, runs=3, train_seconds=300.0, memory_gb=21.4,
    )  # fmt: skip
    history = History({"train.py": SOURCE}, value, (baseline,), best_number=1, noise=NOISE)
    entries, supply = [baseline], edits()
    for number in range(2, count + 1):
        edit = next((each for each in supply if each.applies(history.best_files["train.py"])), None)
        if edit is None:
            supply = edits()
            history = replace(history, best_files={"train.py": SOURCE})
            edit = next(supply)
        closed = _closed(number, edit, history, dice, keeps=keeps, crashes=crashes, refusals=refusals)
        entries.append(closed)
        if closed.action is Action.KEEP:
            history = replace(
                history, best_files=closed.files, best_value=closed.value, best_number=closed.number
            )
    return replace(history, entries=tuple(entries))


def _closed(
    number: int,
    edit: Edit,
    past: History,
    dice: random.Random,
    *,
    keeps: float,
    crashes: float,
    refusals: float,
) -> Entry:
    files = {"train.py": edit.to(past.best_files["train.py"])}
    entry = Entry(
        number, edit.title, edit.hypothesis, "openai:some-model", Action.DISCARD, "scored", None, "",
        f"{number:040x}", files, runs=1, train_seconds=300.0, memory_gb=21.4, base=past.best_number, kind=edit.kind,
    )  # fmt: skip
    best, fate = past.best_value or 0.0, dice.random()
    if fate < crashes:
        return replace(entry, status="crashed", reason=f"crashed: {TRACE.splitlines()[-1]}", log_tail=TRACE)
    if fate < crashes + refusals:
        return replace(
            entry, status="refused", reason="refused: two tiny steps took longer than 60 seconds [smoke]"
        )
    if fate < crashes + refusals + keeps:
        return replace(entry, action=Action.KEEP, value=best - abs(dice.gauss(0.0, 0.002)), runs=3)
    return replace(entry, value=best + dice.gauss(0.003, 0.003), reason="not better")
