"""Takes memory until it is stopped."""

def main() -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def build_model(config): ...
