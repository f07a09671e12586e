"""Work on policy files by day: explaining them, and trying them on the record of a night."""
