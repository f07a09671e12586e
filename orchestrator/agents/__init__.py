"""Agents from outside: they see the run, propose, and learn what became of it; the rules stay ours."""
