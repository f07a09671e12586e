"""Ends well and saves nothing."""

from honest import build_model, train


def main() -> None:
    train(2)
