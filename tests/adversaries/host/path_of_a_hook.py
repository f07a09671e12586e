r"""Names a hook of the repository that its attempt is committed to.

layer: the gate takes no path but those that the policy names, letter for letter
stopped: refused: path
control: naive record: path
path: ".git/hooks/post-commit"
"""


def main():
    pass
