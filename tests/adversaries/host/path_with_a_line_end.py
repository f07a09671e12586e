r"""Names a path with a line end, a zero and an escape in it.

layer: the gate takes no path but those that the policy names, letter for letter
stopped: refused: path
control: naive record: path
path: "train.py\n100644 blob 0\u001b[2J"
"""


def main():
    pass
