"""Keeps every processor busy with processes that ignore TERM, so that its clock's owner is late.

layer: the limit on processors, and KILL on the host's clock
stopped: timed_out
control: outlives TERM
deadline: soon
"""

import os
import signal


def main():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(min(2 * os.cpu_count(), 64) - 1):
        if os.fork() == 0:
            break
    while True:
        pass
