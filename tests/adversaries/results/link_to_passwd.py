"""Leaves a symbolic link in the result's place, so that its reader opens another file.

layer: the trusted reader, which follows no link
stopped: no_result: symbolic link
control: naive reader
"""

import probe


def main():
    probe.write_weights()
    (probe.OUT / "result.json").symlink_to("/etc/passwd")
