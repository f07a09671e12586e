r"""Names the editable file in another case, which some file systems take for the same.

layer: the gate takes no path but those that the policy names, letter for letter
stopped: refused: path
control: naive record: path
path: "Train.py"
"""


def main():
    pass
