"""Take most of a card's memory uninitialised and search it for another program's pattern.

searches.py DEVICE MIB. The positive control runs last and in this very process: memory that held the
pattern a moment ago is taken again, and there the search must find it.
"""

import json
import sys

import torch

DEVICE, MIB = sys.argv[-2], int(sys.argv[-1])
BLOCK_MIB, PATTERN = 256, 0x5AFE_C0DE_5EED_CAFE


def search(mib: int) -> dict[str, int]:
    """How much was taken, how many words of it are the pattern, and how many are not zero."""
    blocks: list[torch.Tensor] = []
    found = other = 0
    while len(blocks) * BLOCK_MIB < mib:
        try:
            block = torch.empty(BLOCK_MIB << 17, dtype=torch.int64, device=DEVICE)
            found += int((block == PATTERN).sum())
            other += int((block != 0).sum())
        except torch.OutOfMemoryError:
            break
        blocks.append(block)
    return {"searched_mib": len(blocks) * BLOCK_MIB, "found": found, "not_zero": other}


def control() -> dict[str, int]:
    """The same search over memory that this process wrote, dropped and takes again."""
    block = torch.full((BLOCK_MIB << 17,), PATTERN, dtype=torch.int64, device=DEVICE)
    del block
    return search(BLOCK_MIB)


sys.stdout.write("autoresearch ready\n")
sys.stdout.flush()
sys.stdin.readline()
result: dict[str, object] = {**search(MIB)}
if DEVICE == "cuda":
    torch.cuda.empty_cache()
result["control"] = control()
sys.stdout.write(json.dumps(result) + "\n")
