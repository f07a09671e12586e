r"""Has a title with an image whose error handler runs, and a link that runs.

layer: records hold text, and pages escape it
stopped: no_result: was not saved
control: naive record: page
title: "<img src=x data-hostile onerror=alert(1)><a href='javascript:alert(1)'>x</a>"
"""


def main():
    pass
