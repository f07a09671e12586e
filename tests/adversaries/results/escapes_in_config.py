r"""Names keys of its config with terminal escapes and turned text, and puts them into values too.

layer: what is recorded is written as plain JSON and read back as text
stopped: measured above 7
control: naive reader
"""

import probe

build_model = probe.knows_nothing
HIDDEN = "\x1b]0;root\x07\x1b[2J\u202e\u200b\u2028\x00"


def main():
    probe.save_something(config={HIDDEN: HIDDEN, "list": [HIDDEN, {HIDDEN: HIDDEN}]})
