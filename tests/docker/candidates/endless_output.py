"""Writes to its standard output without end."""

def main() -> None:
    block = "x" * 65536
    while True:
        print(block)


def build_model(config): ...
