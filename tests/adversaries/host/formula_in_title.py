r"""Has a title that a spreadsheet would run as a formula.

layer: the table quotes what a spreadsheet would run
stopped: no_result: was not saved
control: naive record: formula
title: "=HYPERLINK(\"http://127.0.0.1/?\"&A1,\"ok\")"
"""


def main():
    pass
