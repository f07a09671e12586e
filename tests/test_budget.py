"""The budget: slots by count and by a clock that nobody can set, and what signals do to it."""

from __future__ import annotations

import ast
import inspect
import math
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from orchestrator import budget as module
from orchestrator.budget import Budget, Interrupts
from orchestrator.errors import SetupError

ROOT = Path(__file__).parents[1]


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_slots_are_counted_from_zero_until_the_experiments_are_done() -> None:
    budget = Budget(experiments=3)
    assert list(budget) == [0, 1, 2]
    assert budget.why_ended == "all 3 experiments are done"


def test_a_budget_of_no_experiments_gives_no_slot() -> None:
    assert list(Budget(experiments=0)) == []


def test_a_budget_without_limits_goes_on() -> None:
    budget = Budget()
    assert list(islice(budget, 1000))[-1] == 999
    assert (budget.why_ended, budget.seconds_left) == ("", math.inf)


def test_no_slot_is_given_after_the_hours_but_the_one_under_way_ends() -> None:
    clock = Clock()
    budget = Budget(hours=2, clock=clock)
    slots = []
    for slot in budget:
        slots.append(slot)
        clock.now += 3000
    assert slots == [0, 1, 2]
    assert budget.why_ended == "the 2 hours are over"


def test_the_hours_begin_with_the_first_slot() -> None:
    clock = Clock()
    budget = Budget(hours=1, clock=clock)
    clock.now += 10_000
    slots = iter(budget)
    assert next(slots) == 0
    clock.now += 600
    assert budget.seconds_left == 3000


def test_whichever_limit_is_reached_first_ends_it() -> None:
    clock = Clock()
    assert list(Budget(hours=1, experiments=2, clock=clock)) == [0, 1]


def test_a_request_to_stop_gives_no_further_slot_and_the_first_reason_stays() -> None:
    budget = Budget(experiments=10)
    slots = []
    for slot in budget:
        slots.append(slot)
        if slot == 1:
            budget.stop("enough")
            budget.stop("really")
    assert slots == [0, 1]
    assert budget.stopped
    assert budget.why_ended == "enough"


@pytest.mark.parametrize("hours", [0, -1, math.nan, math.inf])
def test_hours_that_make_no_sense_are_refused(hours: float) -> None:
    with pytest.raises(SetupError, match="hours must be a positive number"):
        Budget(hours=hours)


def test_a_negative_number_of_experiments_is_refused() -> None:
    with pytest.raises(SetupError, match="experiments cannot be -1"):
        Budget(experiments=-1)


def test_the_budget_reads_the_monotonic_clock_and_no_other() -> None:
    tree = ast.parse(inspect.getsource(module))
    of_time = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time"
    }
    assert of_time == {"monotonic"}
    assert "datetime" not in inspect.getsource(module)


JUMP = """
import time
time.time = lambda: 4e9  # the wall clock jumps by decades
from orchestrator.budget import Budget
budget = Budget(hours=1, experiments=3)
print([slot for slot in budget], budget.why_ended, 3590 < budget.seconds_left <= 3600)
"""


def test_a_wall_clock_that_jumps_changes_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", JUMP], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[0, 1, 2] all 3 experiments are done True\n"


NIGHT = """
import os, sys, time
from orchestrator.budget import Budget, Interrupts
budget = Budget()
try:
    with Interrupts(budget, lambda line: os.write(1, f"{line}\\n".encode())):
        for slot in budget:
            print("slot", slot, flush=True)
            until = time.monotonic() + float(sys.argv[1])
            while time.monotonic() < until:
                time.sleep(0.02)
            print("closed", slot, flush=True)
    print(budget.why_ended, flush=True)
except KeyboardInterrupt as error:
    print("interrupted:", error, flush=True)
"""


def start_night(seconds: float, *, before: str = "") -> subprocess.Popen[str]:
    night = subprocess.Popen(
        [sys.executable, "-c", before + NIGHT, str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert night.stdout is not None
    assert night.stdout.readline() == "slot 0\n"
    return night


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def number(request: pytest.FixtureRequest) -> signal.Signals:
    assert isinstance(request.param, signal.Signals)
    return request.param


def test_one_signal_ends_after_the_current_experiment(number: signal.Signals) -> None:
    night = start_night(0.3)
    os.kill(night.pid, number)
    rest, _ = night.communicate(timeout=20)
    assert rest.splitlines() == [
        f"{number.name}: ends after the current run; once more ends at once",
        "closed 0",
        f"stopped by {number.name}",
    ]
    assert night.returncode == 0


def test_a_second_signal_of_any_kind_ends_at_once(number: signal.Signals) -> None:
    night = start_night(60)
    os.kill(night.pid, signal.SIGTERM)
    assert night.stdout is not None
    assert night.stdout.readline().startswith("SIGTERM: ends after")
    os.kill(night.pid, number)
    rest, _ = night.communicate(timeout=20)
    assert rest == f"interrupted: {number.name} after a request to stop\n"


def test_a_signal_that_was_ignored_before_stays_ignored() -> None:
    night = start_night(0.3, before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n")
    os.kill(night.pid, signal.SIGHUP)
    os.kill(night.pid, signal.SIGINT)
    rest, _ = night.communicate(timeout=20)
    assert rest.splitlines()[-1] == "stopped by SIGINT"
    assert "SIGHUP" not in rest


@pytest.fixture
def handlers() -> list[object]:
    return [signal.getsignal(number) for number in Interrupts.SIGNALS]


def fail_while_open(handlers: list[object]) -> None:
    with Interrupts(Budget(), print):
        assert [signal.getsignal(number) for number in Interrupts.SIGNALS] != handlers
        raise ZeroDivisionError


def test_leaving_restores_every_handler_even_after_an_error(handlers: list[object]) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_while_open(handlers)
    assert [signal.getsignal(number) for number in Interrupts.SIGNALS] == handlers


def test_a_notice_that_lands_inside_another_write_still_stops_the_budget() -> None:
    def re_entered(line: str) -> None:
        raise RuntimeError(f"reentrant call: {line}")

    budget = Budget()
    with Interrupts(budget, re_entered):
        os.kill(os.getpid(), signal.SIGTERM)
        assert budget.why_ended == "stopped by SIGTERM"


@pytest.mark.parametrize(
    ("limits", "slots"),
    [
        ({}, math.inf),
        ({"hours": 8.0}, 96.0),
        ({"experiments": 6}, 6.0),
        ({"hours": 8.0, "experiments": 6}, 6.0),
        ({"hours": 1.0, "experiments": 60}, 12.0),
    ],
)
def test_the_most_slots_follow_from_time_and_count(limits: dict[str, Any], slots: float) -> None:
    assert Budget(**limits).most_slots(300.0) == slots
