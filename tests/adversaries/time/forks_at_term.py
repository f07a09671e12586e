"""Answers TERM with a bomb of processes, each of which ignores TERM and forks on.

layer: KILL on the host's clock, to the whole container
stopped: timed_out
control: outlives TERM
deadline: soon
"""

import os
import signal

import probe


def bomb(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(6):  # 64 processes, and no more
        os.fork()
    while True:
        signal.pause()


def main():
    signal.signal(signal.SIGTERM, bomb)
    probe.wait_for_ever()
