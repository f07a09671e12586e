"""Has a child killed for its memory, and saves what the child would have made: nothing worth.

layer: the limit on memory, and the host's own measurement of what is saved
stopped: measured above 7
stopped runsc: crashed: too much memory
control: lift memory
"""

import os

import arena
import probe

build_model = probe.knows_nothing


def main():
    pid = os.fork()
    if pid == 0:
        held = bytearray(b"x") * (arena.MEMORY_MIB * 5 // 4 << 20)
        os._exit(len(held) == 0)
    _, status = os.waitpid(pid, 0)
    if status == 0:
        probe.report(got="more memory than the limit, in a child")
    probe.save_something({"val_bpb": 0.1})
