"""Sets its own deadline to never, gives itself a clock that stands, and prints a line now and then.

layer: the host's own clock
stopped: timed_out
control: outlives TERM
deadline: soon
"""

import json
import os
import signal
import time


def main():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    run = json.loads(os.environ["AUTORESEARCH_RUN"])
    os.environ["AUTORESEARCH_RUN"] = json.dumps({**run, "deadline": 1e12})
    time.monotonic = time.perf_counter = time.time = lambda: run["started"]
    while time.monotonic() < run["deadline"]:
        print("step=1 loss=9.0 seconds=0.0", flush=True)
        time.sleep(0.1)
