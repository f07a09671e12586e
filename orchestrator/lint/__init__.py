"""What the gate reads in source texts. It parses candidate code and never compiles or runs it."""
