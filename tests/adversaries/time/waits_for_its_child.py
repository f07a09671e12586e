"""Waits in the kernel for a child that never executes anything, where no signal with a handler reaches it.

layer: KILL on the host's clock
stopped: timed_out
control: outlives TERM
deadline: soon
"""

import signal

import probe

CLONE_VFORK = 0x4000


def main():
    signal.signal(signal.SIGTERM, lambda *_: None)
    probe.system_call("clone", CLONE_VFORK | signal.SIGCHLD, 0, 0, 0, 0)
    probe.wait_for_ever()
