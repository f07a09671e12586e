"""What the dashboard costs at any length of a run: opening, one more attempt, and the page in Chromium.

    python -m tests.benchmarks.dashboard [--attempts 10000] [--folder DIR]

A folder that is named is made where it is missing, and used again where it is not; attempts are added to it.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver

from orchestrator.ledger.git import GitLedger
from orchestrator.records import Action, Decision, Proposal
from orchestrator.watching import RunSource
from tests.benchmarks.record_folder import Maker, make_run, origin
from tests.views.browsers import asked, chromium, shown
from tests.views.dashboard_parts import Page, dashboard

UPDATES = 5
SCROLLED = """
  const box = document.getElementById('table'), work = [];
  for (let step = 1; step <= 200; step++) {
    const began = performance.now();
    box.scrollTop = (step * 7919) % box.scrollHeight;
    box.dispatchEvent(new Event('scroll'));
    box.getBoundingClientRect();
    work.push(performance.now() - began);
  }
  return work;
"""
WATCHED = """
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((task) => task.duration)))
    .observe({type: 'longtask', buffered: true});
"""
FILTERED = """
  const box = document.getElementById('text'), began = performance.now();
  box.value = arguments[0];
  box.dispatchEvent(new Event('input', {bubbles: true}));
  return performance.now() - began;
"""


def main() -> None:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(description="What the dashboard costs.")
    parser.add_argument("--attempts", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "runs" / "scale"
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            make_run(folder, arguments.attempts)
        tell("machine", f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        of_the_source(folder)
        of_the_page(folder)


def tell(name: str, what: str) -> None:
    print(f"{name:<44} {what}", flush=True)  # noqa: T201


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Wall and processor seconds of this process and of those that it waited for."""
    began, before = time.perf_counter(), os.times()
    yield
    after = os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    tell(name, f"{time.perf_counter() - began:.3f} s wall, {cpu:.3f} s processor")


def of_the_source(folder: Path) -> None:
    source = RunSource(folder)
    with timed("open: read, check and fold the log, all rows"):
        source.look()
    tell("peak memory of it", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    with timed("a look when nothing is new"):
        source.look()
    with GitLedger(folder, origin()) as ledger:
        source.look()
        add_attempt(folder, ledger)
        with timed("a look after one attempt of three events"):
            source.look()
    with timed("one attempt: story, diff, log"):
        source.attempt(len(list((folder / "experiments").iterdir())) // 2)
    with timed("two attempts compared"):
        source.compare(2, 3)


def add_attempt(folder: Path, ledger: GitLedger) -> None:
    best = ledger.history().best_files["train.py"]
    proposal = Proposal("one more", {"train.py": f"{best}\n# {time.time()}\n"}, "to see it", "benchmark")
    experiment = Maker(folder).scored(ledger.open(proposal), 2.0)
    ledger.measure(experiment, experiment.attempt.number)
    ledger.close(experiment, Decision(Action.DISCARD, "a benchmark"))


def of_the_page(folder: Path) -> None:
    with timed("the command line alone, to its help"):
        subprocess.run([sys.executable, "-m", "orchestrator", "--help"], check=True, capture_output=True)
    with chromium() as browser, starting(folder) as page:
        _open(browser, page, len(list((folder / "experiments").iterdir())))
        tell("elements in the page", str(asked(browser, "document.querySelectorAll('*').length")))
        heap = asked(browser, "performance.memory.usedJSHeapSize") / 2**20
        tell("the page's heap", f"{heap:.0f} MiB")
        browser.execute_script(WATCHED)
        time.sleep(1)
        tell("tasks above 50 ms while it opened", _tasks(browser))
        tell("a jump in the table, with its layout", _spread(browser.execute_script(SCROLLED)))
        tell("a filter of text", f"{browser.execute_script(FILTERED, '999'):.1f} ms")
        browser.execute_script(FILTERED, "")
        with GitLedger(folder, origin()) as ledger:
            browser.execute_script("window.tasks.length = 0")
            _follow(browser, folder, ledger)
        tell(f"tasks above 50 ms in {UPDATES} updates", _tasks(browser))
        tell("the server's memory", _resident(page))


@contextmanager
def starting(folder: Path) -> Iterator[Page]:
    """The dashboard, and how long it took from the command to its address."""
    began = time.perf_counter()
    with dashboard(folder.parent, "--tag", folder.name) as page:
        tell("from the command to its address", f"{time.perf_counter() - began:.2f} s")
        yield page


def _open(browser: webdriver.Chrome, page: Page, attempts: int) -> None:
    began = time.perf_counter()
    shown(browser, page.address)
    _until(lambda: "attempts" in asked(browser, "document.getElementById('count').textContent"))
    first = time.perf_counter() - began
    wanted = f"'{attempts} attempts'"
    _until(lambda: asked(browser, f"document.getElementById('count').textContent === {wanted}"))
    tell("the page: first rows, then all of them", f"{first:.2f} s, {time.perf_counter() - began:.2f} s")


def _follow(browser: webdriver.Chrome, folder: Path, ledger: GitLedger) -> None:
    lags = []
    for _ in range(UPDATES):
        before = asked(browser, "document.getElementById('count').textContent")
        add_attempt(folder, ledger)
        began = time.perf_counter()
        _until(lambda: asked(browser, "document.getElementById('count').textContent") != before)  # noqa: B023
        lags.append(time.perf_counter() - began)
    tell("from a close in the log to the page", ", ".join(f"{lag:.2f}" for lag in lags) + " s")


def _tasks(browser: webdriver.Chrome) -> str:
    found = [f"{duration:.0f}" for duration in asked(browser, "window.tasks")]
    return f"{', '.join(found)} ms" if found else "none"


def _until(true: Callable[[], Any]) -> None:
    while not true():
        time.sleep(0.02)


def _spread(milliseconds: list[float]) -> str:
    ordered = sorted(milliseconds)
    median, most = statistics.median(ordered), ordered[-1]
    return f"median {median:.1f} ms, 19 in 20 below {ordered[int(len(ordered) * 0.95)]:.1f}, most {most:.1f}"


def _resident(page: Page) -> str:
    status = Path(f"/proc/{page.process.pid}/status").read_text()
    return f"{int(status.partition('VmRSS:')[2].split()[0]) / 1024:.0f} MiB"


if __name__ == "__main__":
    main()
