"""A small modern GPT trained with Muon and AdamW until the clock runs out. Everything here may be changed.

Two functions are the contract: `main()` trains until harness.deadline() and calls harness.save(model, config,
stats); `build_model(config)` builds the same model again, elsewhere, from that config alone. The model maps
tokens [B, T] to logits [B, T, V], is causal, and treats every row on its own.
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice

import harness
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

# The constants worth tuning: the value for a GPU and the one for a CPU, side by side.
GPU = harness.PROFILE != "cpu"
SMALL = harness.PROFILE == "gpu-small"  # a card of 8 to 12 GB: half of DEPTH and of BATCH_ROWS

DEPTH = 8 if GPU else 2  # transformer blocks
WIDTH = 640 if GPU else 96  # channels of the residual stream
HEADS = 5 if GPU else 3  # attention heads
HEAD_CHANNELS = 128 if GPU else 32  # channels of one head
MLP_RATIO = 4  # hidden channels of the MLP, in WIDTHs
SOFTCAP = 15.0  # logits stay within plus and minus this

BATCH_ROWS = 32 if GPU else 4  # rows in one forward pass
ACCUMULATION = 4 if GPU else 1  # forward passes in one step

MUON_RATE = 0.02  # learning rate of the blocks' matrices
EMBED_RATE = 0.2 if GPU else 0.05  # learning rate of the token embedding
HEAD_RATE = 0.004  # learning rate of the output layer
MOMENTUM = 0.95  # of Muon
WEIGHT_DECAY = 0.1 if GPU else 0.0  # of Muon, relative to its learning rate
BETA1 = 0.8  # of AdamW: memory of the gradient
BETA2 = 0.95  # of AdamW: memory of its square

WARMUP_STEPS = 20 if GPU else 5  # steps until the learning rates are full
COOLDOWN = 0.5  # last share of the time in which they fall
FINAL_RATE = 0.0  # share of the learning rates at the very end

Batches = Iterator[tuple[Tensor, Tensor]]
Optimizers = list[torch.optim.Optimizer]


def halved(size: int) -> int:
    """The size, or half of it on a small card."""
    return max(1, size // 2) if SMALL else size


def norm(x: Tensor) -> Tensor:
    """Divide each vector by its root mean square; there is nothing to learn here."""
    return F.rms_norm(x, (x.size(-1),))


def rotations(length: int, channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines [length, channels / 2] of rotary position embeddings (Su et al., 2021)."""
    frequencies = 10_000.0 ** -torch.linspace(0, 1, channels // 2, device=device)
    angles = torch.arange(length, device=device)[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn pairs of channels of x [B, heads, T, channels] by an angle that grows with the position."""
    cos, sin = turn
    left, right, odd = x.tensor_split((cos.size(-1), 2 * cos.size(-1)), dim=-1)
    return torch.cat((left * cos - right * sin, left * sin + right * cos, odd), dim=-1)


class Attention(nn.Module):
    """Causal self-attention with normalised queries and keys."""

    def __init__(self, width: int, heads: int, head_channels: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, heads * head_channels, bias=False)
        self.key = nn.Linear(width, heads * head_channels, bias=False)
        self.value = nn.Linear(width, heads * head_channels, bias=False)
        self.out = nn.Linear(heads * head_channels, width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        q, k, v = (self.split(layer(x)) for layer in (self.query, self.key, self.value))
        q, k = rotate(norm(q), turn), rotate(norm(k), turn)
        mixed = F.scaled_dot_product_attention(q.type_as(v), k.type_as(v), v, is_causal=True)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        """[B, T, heads * channels] to [B, heads, T, channels]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Mlp(nn.Module):
    """Two layers with a squared ReLU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.up(x).relu().square())


class Block(nn.Module):
    """Attention, then MLP; each reads a normalised stream and adds to it."""

    def __init__(self, width: int, heads: int, head_channels: int, hidden: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads, head_channels)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        x = x + self.attention(norm(x), turn)
        return x + self.mlp(norm(x))


class Gpt(nn.Module):
    """Embedding, blocks, and an output layer of its own."""

    def __init__(self, config: dict[str, float]) -> None:
        super().__init__()
        vocab_size, depth, width, heads, head_channels = (
            int(config[name]) for name in ("vocab_size", "depth", "width", "heads", "head_channels")
        )
        hidden = max(1, round(width * config["mlp_ratio"]))
        self.head_channels, self.softcap = head_channels, config["softcap"]
        self.embed = nn.Embedding(vocab_size, width)
        self.blocks = nn.ModuleList(Block(width, heads, head_channels, hidden) for _ in range(depth))
        self.head = nn.Linear(width, vocab_size, bias=False)
        self.start_small()

    def start_small(self) -> None:
        """Every block begins as the identity, and every token as equally likely."""
        for name, weight in self.named_parameters():
            if name == "embed.weight":
                nn.init.normal_(weight)
            elif name.endswith("out.weight") or name == "head.weight":
                nn.init.zeros_(weight)
            else:
                bound = (3 / weight.size(1)) ** 0.5
                nn.init.uniform_(weight, -bound, bound)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [B, T, V] in float32 for the token after each of tokens [B, T]."""
        turn = rotations(tokens.size(1), self.head_channels, tokens.device)
        x = norm(self.embed(tokens))
        for block in self.blocks:
            x = block(x, turn)
        logits = self.head(norm(x)).float()
        return self.softcap * torch.tanh(logits / self.softcap)


def build_model(config: dict[str, float]) -> nn.Module:
    """The model that `config` describes, with fresh weights."""
    if wrong := [f"{name} = {value}" for name, value in config.items() if not value > 0]:
        raise ValueError(f"sizes must be positive: {', '.join(wrong)}")
    return Gpt(config)


class Muon(torch.optim.Optimizer):
    """Momentum whose step is orthogonalised, so that all directions of a matrix move equally (Jordan, 2024).

    Matrices of one shape are stacked and orthogonalised together. Weight decay is decoupled.
    """

    def __init__(self, matrices: list[Tensor], lr: float, momentum: float, weight_decay: float) -> None:
        shapes = sorted({tuple(matrix.shape) for matrix in matrices})
        groups = [{"params": [m for m in matrices if tuple(m.shape) == shape]} for shape in shapes]
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            weights = group["params"]
            gradients = torch.stack([weight.grad for weight in weights])
            average = self.state[weights[0]].setdefault("average", torch.zeros_like(gradients))
            average.lerp_(gradients, 1 - group["momentum"])
            steps = orthogonalise(gradients.lerp(average, group["momentum"]))
            scale = max(1, steps.size(-2) / steps.size(-1)) ** 0.5
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, list(steps.unbind()), alpha=-group["lr"] * scale)


def orthogonalise(matrices: Tensor) -> Tensor:
    """Push all singular values of matrices [N, rows, columns] towards one, by five Newton-Schulz steps.

    The polynomial is steep at zero and need not converge: anything from 0.7 to 1.2 will do (Jordan, 2024).
    """
    tall = matrices.size(-2) > matrices.size(-1)
    x = matrices.mT if tall else matrices
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(torch.bfloat16 if x.is_cuda else torch.float32)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


def build_optimizers(model: nn.Module) -> Optimizers:
    """Muon for the blocks' matrices, AdamW for embedding and output layer."""
    tables = [
        {"params": [model.embed.weight], "lr": EMBED_RATE},
        {"params": [model.head.weight], "lr": HEAD_RATE},
    ]
    adamw = torch.optim.AdamW(tables, betas=(BETA1, BETA2), weight_decay=0.0, fused=True)
    return [Muon(list(model.blocks.parameters()), MUON_RATE, MOMENTUM, WEIGHT_DECAY), adamw]


def rate_share(step: int, progress: float) -> float:
    """Share of the learning rates to use: rises over the first steps, falls in the last part of the time."""
    warmup = min(1.0, (step + 1) / max(1, WARMUP_STEPS))
    cooldown = min(1.0, (1 - progress) / max(1e-9, COOLDOWN))
    return warmup * (FINAL_RATE + (1 - FINAL_RATE) * cooldown)


def train_step(model: nn.Module, optimizers: Optimizers, stream: Batches, share: float) -> float:
    """One update from ACCUMULATION batches; returns their mean loss in nats per token."""
    total = torch.zeros((), device=harness.DEVICE)
    for inputs, targets in islice(stream, ACCUMULATION):
        with harness.autocast():
            logits = model(inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten()) / ACCUMULATION
        loss.backward()
        total += loss.detach()
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = share * group.setdefault("full_rate", group["lr"])
        optimizer.step()
        optimizer.zero_grad()
    return total.item()


def main() -> None:
    """Train until the deadline and save; a loss that is no number ends the run with an exception."""
    torch.manual_seed(harness.seed())
    torch.set_float32_matmul_precision("high")
    config = {
        "vocab_size": harness.vocab_size(),
        "depth": halved(DEPTH),
        "width": WIDTH,
        "heads": HEADS,
        "head_channels": HEAD_CHANNELS,
        "mlp_ratio": MLP_RATIO,
        "softcap": SOFTCAP,
    }
    model = harness.compile(build_model(config).to(harness.DEVICE))
    optimizers = build_optimizers(model)
    rows = halved(BATCH_ROWS)
    stream = harness.batches(rows)
    step, average, recent = 0, 0.0, deque[float](maxlen=10)
    while time.monotonic() + max(recent, default=0.0) < harness.deadline():
        began = time.monotonic()
        loss = train_step(model, optimizers, stream, rate_share(step, harness.progress()))
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} at step {step}")
        seconds = time.monotonic() - began
        if step or not GPU:  # a GPU's first step compiles, and says nothing about the next
            recent.append(seconds)
        step += 1
        average += max(1 / step, 0.05) * (loss - average)
        harness.log(step=step, progress=harness.progress(), loss=average, step_seconds=seconds)
    tokens = step * ACCUMULATION * rows * harness.sequence_tokens()
    parameters = sum(weight.numel() for weight in model.parameters())
    stats = {"steps": step, "tokens": tokens, "train_loss": average, "parameters": parameters}
    harness.save(model, config, stats)
