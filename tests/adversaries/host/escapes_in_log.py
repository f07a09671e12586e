r"""Prints terminal escapes that would set the clipboard, the title and the screen.

layer: text is made safe before it is stored and shown
stopped: no_result: was not saved
control: naive record: terminal
"""


def main():
    print("\x1b]52;c;cm0gLXJmIC8=\x07\x1b[2J\x1b[1;1H\x1bPq\x1b\\\x9b31m\r0001 keep", flush=True)
