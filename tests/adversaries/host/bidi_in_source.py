r"""Shows its reader a comment where Python sees code: Trojan Source.

layer: the gate takes no character that a reader cannot see
stopped: refused: encoding
control: naive record: reading
"""


def main():
    allowed = "user‮ ⁦# only for tests⁩ ⁦"
    return allowed
