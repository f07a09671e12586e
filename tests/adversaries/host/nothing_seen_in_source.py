r"""Hides characters of no width in its names and texts.

layer: the gate takes no character that a reader cannot see
stopped: refused: encoding
control: naive record: reading
"""


def main():
    return "a​b⁠c﻿"
