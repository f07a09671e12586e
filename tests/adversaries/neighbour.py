"""A candidate that runs beside all others and would like to be found: its secret is wherever it may write,
and it takes what the kernel grants to its user, whichever container asks."""

import array
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

THREADS, SENDINGS = 20, 4

KEPT = []


def main():
    secret = os.environ["NEIGHBOUR_SECRET"]
    for folder in ("/out", "/tmp", "/work", "/dev/shm"):
        Path(folder, "neighbour.txt").write_text(secret)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(86400)", secret])
    for _ in range(THREADS):
        threading.Thread(target=time.sleep, args=(86400,), daemon=True).start()
    with contextlib.suppress(OSError):
        descriptors_on_their_way()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0neighbour")
        server.listen()
        print("moved in", flush=True)
        while True:
            time.sleep(60)


def descriptors_on_their_way():
    """More than one process may have open."""
    some = [os.open(os.devnull, os.O_RDONLY) for _ in range(150)]
    try:
        for _ in range(SENDINGS):
            KEPT.append(socket.socketpair())
            KEPT[-1][0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", some))])
    finally:
        for descriptor in some:
            os.close(descriptor)
