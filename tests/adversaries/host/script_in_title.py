r"""Has a title with a script element, for whoever puts it into a page.

layer: records hold text, and pages escape it
stopped: no_result: was not saved
control: naive record: page
title: "<script data-hostile>fetch('/')</script></script>"
"""


def main():
    pass
