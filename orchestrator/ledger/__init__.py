"""The record of a run: an audit log that cannot be torn, and a git repository beside it."""
