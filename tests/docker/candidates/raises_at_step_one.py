"""Raises in its first step."""

import harness


def main() -> None:
    for _inputs, _targets in harness.batches(8):
        raise ArithmeticError("at step one")


def build_model(config): ...
