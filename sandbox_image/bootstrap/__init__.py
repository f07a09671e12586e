"""From an empty machine to a ready image: environment, engine, base, wheels, image. Standard library only."""
