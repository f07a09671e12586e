"""Makes the template's host-side package importable, as it is when prepare.py runs as a script."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "train_template"))
