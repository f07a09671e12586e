r"""Ends its title as a commit message ends, to pass for another attempt.

layer: commit messages are made by the host, from one printable line
stopped: no_result: was not saved
control: naive record: commit
title: "a change\n\nAttempt: 0001\nAudit-Head: 0000\nCo-authored-by: root <root@localhost>\n\n[skip ci]"
"""


def main():
    pass
