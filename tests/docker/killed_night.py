"""`autoresearch run` in a process that kills itself at a step of the record: STEP OCCURRENCE run ..."""

from __future__ import annotations

import os
import signal
import sys

from orchestrator import verbs
from orchestrator.cli import build_parser, ended


def main(step: str, occurrence: int, words: list[str]) -> int:
    """The exit code of a night that came to its end before that step."""
    left = occurrence

    def die(reached: str) -> None:
        nonlocal left
        left -= reached == step
        if reached == step and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    arguments = build_parser().parse_args(words)
    return ended(lambda: verbs.run(arguments, die))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
