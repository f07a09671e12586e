"""A candidate that runs beside all others and would like to be found: its secret is wherever it may write."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path


def main():
    secret = os.environ["NEIGHBOUR_SECRET"]
    for folder in ("/out", "/tmp", "/work", "/dev/shm"):
        Path(folder, "neighbour.txt").write_text(secret)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(86400)", secret])
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0neighbour")
        server.listen()
        print("moved in", flush=True)
        while True:
            time.sleep(60)
