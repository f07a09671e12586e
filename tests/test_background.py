"""Work beside the training: in order, its failures handed over, and never waited for at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from threading import Event

import pytest

from orchestrator.background import Background


def test_results_come_out_in_the_order_of_the_work() -> None:
    background = Background("test")
    done: list[int] = []

    def piece(number: int) -> int:
        done.append(number)
        return number

    futures = [background.start(partial(piece, number)) for number in range(5)]
    assert [future.result(5) for future in futures] == [0, 1, 2, 3, 4] == done


def test_what_the_work_raises_is_raised_where_it_is_taken_and_the_next_piece_is_done() -> None:
    background = Background("test")
    failed = background.start(lambda: 1 // 0)
    after = background.start(lambda: 7)
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    assert after.result(5) == 7


def test_it_says_whether_everything_was_done_in_time() -> None:
    background = Background("test")
    gate = Event()
    background.start(lambda: gate.wait(30))
    assert not background.settle(0.05)
    gate.set()
    assert background.settle(10)


def test_work_that_never_ends_keeps_no_program_from_ending() -> None:
    program = (
        "import time\nfrom orchestrator.background import Background\n"
        "Background('x').start(lambda: time.sleep(600))\ntime.sleep(0.2)\nprint('end')\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
    assert done.stdout == b"end\n"
    assert time.monotonic() - began < 30
