"""Ignores every signal that asks it to end, and goes on past its deadline.

layer: KILL on the host's clock
stopped: timed_out
control: outlives TERM
deadline: soon
"""

import signal

import probe


def main():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    probe.wait_for_ever()
