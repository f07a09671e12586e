"""Has a child killed for its memory, and ends as if all were well.

layer: a run is complete only by what it saved
stopped: no_result: was not saved
stopped runsc: crashed: too much memory
control: lift memory
"""

import os

import arena
import probe


def main():
    pid = os.fork()
    if pid == 0:
        held = bytearray(b"x") * (arena.MEMORY_MIB * 5 // 4 << 20)
        os._exit(len(held) == 0)
    _, status = os.waitpid(pid, 0)
    if status == 0:
        probe.report(got="more memory than the limit, in a child")
