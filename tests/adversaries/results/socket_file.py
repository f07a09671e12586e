"""Leaves a socket in the result's place.

layer: the trusted reader, which takes plain files alone
stopped: no_result: cannot be opened
stopped runsc: no_result: was not saved
control: naive reader
"""

import socket

import probe


def main():
    probe.write_weights()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(probe.OUT / "result.json"))
