"""Saves a config whose values are code, for a host that evaluates or imports what it is told.

layer: config is plain data to the host
stopped: measured above 7
control: naive reader
"""

import probe

build_model = probe.knows_nothing


def main():
    words = {
        "optimizer": "__import__('os').getpid()",
        "model": "!!python/object/apply:os.getpid []",
        "dtype": "{{ 7 * 7 }}${7 * 7}",
        "__proto__": {"admin": True},
    }
    probe.save_something(config=words)
