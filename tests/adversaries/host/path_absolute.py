r"""Names a file by its absolute path.

layer: the gate takes no path but those that the policy names, letter for letter
stopped: refused: path
control: naive record: path
path: "/etc/cron.d/autoresearch"
"""


def main():
    pass
