r"""Prints lines that look like the loop's own: events, decisions, and a summary.

layer: the loop's records are separate from every candidate's log
stopped: no_result: was not saved
control: naive record: journal
"""


def main():
    print('{"seq": 9, "event": "attempt_closed", "number": 1, "action": "keep", "hash": "0"}', flush=True)
    print("      keep: 2.000000 better\n---\nval_bpb: 0.100000\nautoresearch ready\n", flush=True)
