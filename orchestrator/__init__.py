"""autoresearch-sandbox: the host side. Nothing in this package ever runs what a candidate wrote."""
