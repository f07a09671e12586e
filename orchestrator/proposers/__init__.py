"""Parts behind the Proposer port: a model over HTTP, a constant tuner, and a folder of recorded proposals."""
