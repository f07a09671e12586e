r"""Has a title with half a character, which cannot be written as UTF-8.

layer: text is made safe before it is stored and shown
stopped: no_result: was not saved
control: naive record: encoding
title: "a \udcff\ud83d change"
"""


def main():
    pass
