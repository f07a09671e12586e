"""A night of edits to the task's own train.py, as a model proposes them, with what became of them."""

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

DRAWN = "nn.init.normal_(weight)"
CAPPED = "        return self.softcap * torch.tanh(logits / self.softcap)\n"
SCALED = "v, is_causal=True, scale=1.2 / q.size(-1) ** 0.5)"
GELU = ".mul(1.702).sigmoid()"
BOUND = "(3 / weight.size(1))"
IDEAS = {
    "architecture": [
        ("SwiGLU in the MLP", "gated units learn more from each token", MLP, GATED_MLP),
        ("skips from the first half to the second", "gradients reach early blocks", STREAM, SKIPS),
        ("GELU for the squared ReLU", "smoother units", ".relu().square()", GELU),
        ("rotary base of 100,000", "longer waves", "10_000.0", "100_000.0"),
        ("scale queries by 1.2", "sharper attention", "v, is_causal=True)", SCALED),
    ],
    "efficiency": [
        ("attention and MLP in parallel", "one norm fewer makes steps faster", BLOCK, PARALLEL),
        ("four Newton-Schulz steps", "a fifth of the work less", "range(5)", "range(4)"),
        ("no softcap", "one operation fewer", CAPPED, "        return logits\n"),
    ],
    "schedule": [
        ("cosine cooldown", "a smoother end settles lower", COOLDOWN, COSINE),
        ("squared cooldown", "more time at small rates", COOLDOWN, SQUARED),
    ],
    "regularisation": [
        ("clip the gradients' norm at 1", "spikes cost more than they teach", STEP, CLIPPED),
        ("z-loss on the logits", "keeps the normaliser small", LOSS, Z_LOSS),
        ("a little label smoothing", "less confident, less overfitted", LOSS, SMOOTHED),
    ],
    "initialisation": [
        ("embedding starts at half", "a calmer first step", DRAWN, "nn.init.normal_(weight, std=0.5)"),
        ("uniform bound of 2", "smaller first activations", BOUND, "(2 / weight.size(1))"),
    ],
}
STRUCTURAL = [
    Edit(title, why, kind, ((old, new),)) for kind, ideas in IDEAS.items() for title, why, old, new in ideas
]
CONSTANTS = {
    "DEPTH = 8": (6, 7, 9, 10),
    "WIDTH = 640": (512, 576, 704, 768),
    "MLP_RATIO = 4": (3, 5, 6),
    "SOFTCAP = 15.0": (10.0, 20.0, 30.0),
    "BATCH_ROWS = 32": (16, 24, 48),
    "ACCUMULATION = 4": (1, 2, 8),
    "MUON_RATE = 0.02": (0.015, 0.025, 0.03, 0.04),
    "EMBED_RATE = 0.2": (0.1, 0.15, 0.3, 0.4),
    "HEAD_RATE = 0.004": (0.002, 0.003, 0.006, 0.008),
    "MOMENTUM = 0.95": (0.9, 0.93, 0.97),
    "WEIGHT_DECAY = 0.1": (0.0, 0.05, 0.2),
    "BETA1 = 0.8": (0.7, 0.85, 0.9),
    "BETA2 = 0.95": (0.9, 0.98, 0.99),
    "WARMUP_STEPS = 20": (5, 10, 40, 80),
    "COOLDOWN = 0.5": (0.3, 0.4, 0.6, 0.7),
    "FINAL_RATE = 0.0": (0.02, 0.05),
}
KINDS = {
    "optimizer": ("MUON", "EMBED", "HEAD", "BETA", "MOMENTUM"),
    "schedule": ("WARMUP", "COOLDOWN", "FINAL"),
    "data": ("BATCH", "ACCUMULATION"),
    "regularisation": ("WEIGHT", "SOFTCAP"),
}
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
        kind = next((kind for kind, starts in KINDS.items() if name.startswith(starts)), "architecture")
        why = f"{old} was a guess; the loss near it should tell which way is better"
        found += [Edit(f"{name} {old} -> {new}", why, kind, ((now, f"{name} = {new}"),)) for new in values]
    random.Random(7).shuffle(found)  # noqa: S311 - the same every time
    yield from found


def night(count: int) -> History:
    """`count` closed attempts, the baseline first, each on the best of its time.

    Of the others 5 per cent crash, 4 are refused, 18 are kept. When no idea is left, the first come again.
    """
    dice = random.Random(11)  # noqa: S311 - the same every time
    baseline = Entry(
        1, "baseline", "the task as it stands", "template", Action.KEEP, "scored", 1.02, "the first",
        f"{1:040x}", {"train.py": SOURCE}, runs=3, train_seconds=300.0, memory_gb=21.4,
    )  # fmt: skip
    best, entries, supply = baseline, [baseline], edits()
    for number in range(2, count + 1):
        source = best.files["train.py"]
        edit = next((each for each in supply if each.applies(source)), None)
        if edit is None:
            source, supply = SOURCE, edits()
            edit = next(supply)
        closed = _closed(number, edit, source, best, dice)
        entries.append(closed)
        best = closed if closed.action is Action.KEEP else best
    return History(best.files, best.value, tuple(entries), best_number=best.number, noise=NOISE)


def _closed(number: int, edit: Edit, source: str, best: Entry, dice: random.Random) -> Entry:
    entry = Entry(
        number, edit.title, edit.hypothesis, "openai:some-model", Action.DISCARD, "scored", None, "",
        f"{number:040x}", {"train.py": edit.to(source)}, runs=1, train_seconds=300.0, memory_gb=21.4,
        base=best.number, kind=edit.kind,
    )  # fmt: skip
    value, fate = best.value or 0.0, dice.random()
    if fate < 0.05:
        return replace(entry, status="crashed", reason=f"crashed: {TRACE.splitlines()[-1]}", log_tail=TRACE)
    if fate < 0.09:
        return replace(entry, status="refused", reason="refused: nothing but layout differs [unchanged]")
    if fate < 0.27:
        return replace(entry, action=Action.KEEP, value=value - abs(dice.gauss(0.0, 0.002)), runs=3)
    return replace(entry, value=value + dice.gauss(0.003, 0.003), reason="not better")
