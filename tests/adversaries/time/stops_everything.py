"""Stops and kills its init, stops its whole group, and itself.

layer: KILL on the host's clock, which no process in the container can put off
stopped: timed_out
stopped runsc: crashed: killed
control: outlives TERM
deadline: soon
"""

import os
import signal


def main():
    for number in (signal.SIGSTOP, signal.SIGKILL):
        os.kill(1, number)
    for _ in range(3):
        if os.fork() == 0:
            signal.pause()
    os.kill(-1, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
