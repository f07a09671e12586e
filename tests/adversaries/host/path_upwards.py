r"""Names a file above the run's folder.

layer: the gate takes no path but those that the policy names, letter for letter
stopped: refused: path
control: naive record: path
path: "../../.ssh/authorized_keys"
"""


def main():
    pass
