"""What decides whether a step is done: a digest of its inputs, kept beside its result."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"


def digest(*parts: str | Path) -> str:
    """Return the SHA-256 over texts and the contents of files, each with its length."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def is_current(marker: Path, wanted: str) -> bool:
    """Tell whether the marker beside a result holds the wanted digest."""
    try:
        return marker.read_text() == wanted
    except OSError:
        return False
