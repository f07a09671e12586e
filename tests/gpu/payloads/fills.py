"""Fill most of a card's memory with a pattern and end without giving it back: fills.py DEVICE MIB."""

import json
import sys

import torch

DEVICE, MIB = sys.argv[-2], int(sys.argv[-1])
BLOCK_MIB, PATTERN = 256, 0x5AFE_C0DE_5EED_CAFE


def fill() -> list[torch.Tensor]:
    """Blocks of the pattern, until MIB are taken or the card is full."""
    blocks: list[torch.Tensor] = []
    while len(blocks) * BLOCK_MIB < MIB:
        try:
            blocks.append(torch.full((BLOCK_MIB << 17,), PATTERN, dtype=torch.int64, device=DEVICE))
        except torch.OutOfMemoryError:
            blocks.pop()  # stays with this process, and leaves room to count in
            break
    return blocks


sys.stdout.write("autoresearch ready\n")
sys.stdout.flush()
sys.stdin.readline()
filled = fill()
whole = all(bool((block == PATTERN).all()) for block in filled[-1:])
sys.stdout.write(json.dumps({"filled_mib": len(filled) * BLOCK_MIB, "written": whole}) + "\n")
