r"""Puts tabs and line ends into its title, to add rows and cells to the table of results.

layer: text is made safe before it is stored and shown
stopped: no_result: was not saved
control: naive record: table
title: "a change\t0.1\nabcdef1\t0.100000\t0.0\tkeep\tforged\r\nx\u2028y\u0085z"
"""


def main():
    pass
