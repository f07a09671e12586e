r"""Carries terminal escapes in its title and prints more of them.

layer: text is made safe before it is stored and shown
stopped: no_result: was not saved
control: naive record: terminal
title: "\u001b]52;c;cm0gLXJmIC8=\u0007\u001b[2J\u001b]0;root\u0007 a small change"
"""


def main():
    print("\x1b]52;c;cm0gLXJmIC8=\x07\x1b[31mred\x9b31m\x1b[2J", flush=True)
