"""Waits past its deadline, and saves a sound result when TERM comes.

layer: a run that did not end in time has no result
stopped: timed_out
control: outlives TERM
deadline: soon
"""

import signal

import probe

build_model = probe.knows_nothing


def main():
    signal.signal(signal.SIGTERM, lambda *_: probe.save_something({"val_bpb": 0.1}))
    probe.wait_for_ever()
