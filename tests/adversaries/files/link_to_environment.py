"""Leaves a link to its reader's environment in the result's place.

layer: the trusted reader, which follows no link
stopped: no_result: symbolic link
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    (probe.OUT / "result.json").symlink_to("/proc/self/environ")
