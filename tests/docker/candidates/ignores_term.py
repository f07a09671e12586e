"""Ignores every signal that can be ignored, and never ends."""

import signal
import time


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("deaf", flush=True)
    while True:
        time.sleep(60)


def build_model(config): ...
