"""Raises while it is imported."""

raise ValueError("at import")


def main() -> None: ...


def build_model(config): ...
