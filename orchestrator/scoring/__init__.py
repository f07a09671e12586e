"""Measures what a run left behind. The arithmetic and the held-out data are the host's alone."""
