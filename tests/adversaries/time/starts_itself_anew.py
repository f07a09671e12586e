"""Starts itself again and again in one process, as if each time were the first.

layer: one clock for the container, on the host
stopped: timed_out
control: outlives TERM
deadline: soon
"""

import os
import signal
import sys


def main():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.execv(sys.executable, [sys.executable, __file__])


if __name__ == "__main__":
    main()
