"""An honest model that says a loss of 9 twenty times a second for as long as it may, and ignores TERM."""

import signal
import time

import harness
from honest import build_model, train


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    model, loss = train()
    while time.monotonic() < harness.deadline():
        print(f"progress={harness.progress():.3f} loss=9.0", flush=True)
        time.sleep(0.05)
    harness.save(model, {"vocab": harness.vocab_size()}, {"train_loss": loss})
