"""Runs attempts in sealed containers. `engine.py` alone talks to Docker."""
