"""Holds nearly all the memory that it may have and writes to every page of it, for ever."""

import os

LIMIT = "/sys/fs/cgroup/memory/memory.limit_in_bytes" if os.path.exists("/sys/fs/cgroup/memory") else "/sys/fs/cgroup/memory.max"


def main() -> None:
    with open(LIMIT) as limit, open("/proc/self/statm") as mine:
        room = int(limit.read()) - int(mine.read().split()[1]) * 4096 - (128 << 20)
    held = bytearray(room)
    print(f"holding {room >> 20} MiB", flush=True)
    value = 0
    while True:
        value = (value + 1) % 256
        held[::4096] = bytes([value]) * len(held[::4096])


def build_model(config): ...
