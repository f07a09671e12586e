"""Makes the data folder of this task from scikit-learn's own copy of the digits: no download.

1,797 images of 8x8 grey values, written by 43 people (E. Alpaydin and C. Kaynak, 1998, UCI Machine Learning
Repository). Copies of an image stay out of all splits but the first that has it.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

SHARES = {"val": 0.2, "holdout": 0.2}  # what is left is for training


def main() -> int:
    """Write six arrays and the manifest that vouches for them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=["digits"], default="digits")
    parser.add_argument("--out", type=Path, required=True, help="the data folder to make")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    files = {}
    for split, (images, labels) in splits().items():
        np.save(out / f"{split}_inputs.npy", images, allow_pickle=False)
        np.save(out / f"{split}_labels.npy", labels, allow_pickle=False)
        for part in ("inputs", "labels"):
            name = f"{split}_{part}.npy"
            files[name] = describe(out / name)
    manifest = {"version": 1, "source": "scikit-learn load_digits", "outputs": 10, "files": files}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{out}: {len(files)} arrays\n")
    return 0


def splits() -> dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Images [N, 8, 8] in [0, 1] and labels [N] of each split, shuffled once and for all."""
    data = load_digits()
    _, first = np.unique(data.images.reshape(len(data.images), -1), axis=0, return_index=True)
    order = np.random.default_rng(20261124).permutation(np.sort(first))
    images = (data.images / 16).astype(np.float32)[order]
    labels = data.target.astype(np.int64)[order]
    val, holdout = (round(len(order) * share) for share in SHARES.values())
    ranges = {
        "val": slice(val),
        "holdout": slice(val, val + holdout),
        "train": slice(val + holdout, None),
    }
    return {split: (images[rows], labels[rows]) for split, rows in ranges.items()}


def describe(path: Path) -> dict[str, object]:
    """Size and SHA-256 of a file, as the manifest gives them."""
    body = path.read_bytes()
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


if __name__ == "__main__":
    sys.exit(main())
