r"""Names a path that git would take for an option.

layer: the gate takes no path but those that the policy names, letter for letter
stopped: refused: path
control: naive record: path
path: "--upload-pack=touch.py"
"""


def main():
    pass
