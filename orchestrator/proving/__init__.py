"""Hostile programs run against the policy in force on this machine, each with its positive control."""
