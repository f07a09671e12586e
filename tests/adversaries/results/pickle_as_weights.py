"""Saves a pickle as its weights, which runs its own code when it is loaded.

layer: weights are safetensors, and nothing is ever unpickled
stopped: no_result: no sane header
control: naive reader
"""

import os
import pickle

import probe


class Loaded:
    def __reduce__(self):
        return os.getpid, ()


def main():
    probe.write_result()
    (probe.OUT / "model.safetensors").write_bytes(pickle.dumps(Loaded()))
