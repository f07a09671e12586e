r"""Defines a second name that looks like the first: one of its letters is Cyrillic.

layer: the gate takes no name that mixes alphabets which look alike
stopped: refused: encoding
control: naive record: reading
"""

score = 1.0
scоre = 0.0


def main():
    return score - scоre
