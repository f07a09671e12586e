r"""Names a file that tells git to run filters.

layer: the gate takes no path but those that the policy names, letter for letter
stopped: refused: path
control: naive record: path
path: "x/../.GITattributes"
"""


def main():
    pass
