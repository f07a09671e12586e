r"""Has a title whose letters are shown in another order, and with letters that nobody sees.

layer: text is made safe before it is stored and shown
stopped: no_result: was not saved
control: naive record: reading
title: "a \u202e\u2066egnahc lufmrah\u2069 \u200b\u200d\ufeff change"
"""


def main():
    pass
