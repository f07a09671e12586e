"""A run's own words about its loss, and every unkindness in them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import pytest

from orchestrator.records import Curve
from orchestrator.sandbox.progress import LARGEST_LOSS, POINT_BYTES, POINTS, Progress


class Clock:
    """The share of the time that is used, set by hand."""

    share = 0.0

    def __call__(self) -> float:
        return self.share


def heard(*said: tuple[float, bytes]) -> Curve:
    clock = Clock()
    progress = Progress(clock)
    for clock.share, data in said:
        progress.hear(data)
    return progress.curve


def losses(said: bytes) -> list[float]:
    return [loss for _, loss in heard((0.5, said))]


def test_the_harness_own_line_becomes_a_point() -> None:
    line = b"step=12 progress=0.4 loss=4.31 step_seconds=0.05\n"
    assert heard((0.5, line)) == ((0.5, 4.31),)


def test_the_share_is_the_hosts_whatever_the_line_says() -> None:
    said = [(share, b"progress=%f loss=3\n" % (1 - share)) for share in (0.1, 0.2, 0.3)]
    assert heard(*said) == ((0.1, 3.0), (0.2, 3.0), (0.3, 3.0))


@pytest.mark.parametrize("share", [-math.inf, -1.0, 0.0, 1.0, 7.0, math.inf])
def test_a_clock_beyond_the_deadline_stays_within_the_curve(share: float) -> None:
    assert heard((share, b"loss=3\n")) == ((min(max(share, 0.0), 1.0), 3.0),)


def test_several_lines_in_a_64th_become_their_mean_at_the_last_ones_time() -> None:
    said = [(0.5, b"loss=2\nloss=3\n"), (0.51, b"loss=7\n"), (0.6, b"loss=1\n")]
    assert heard(*said) == ((0.51, 4.0), (0.6, 1.0))


def test_a_line_may_come_in_any_pieces_and_end_in_a_carriage_return() -> None:
    assert heard((0.1, b"step=1 lo"), (0.1, b"ss=4."), (0.2, b"25\rstep")) == ((0.2, 4.25),)
    assert losses(b"step=1 loss=2\r\nstep=2 loss=4\r\n") == [3.0]


@pytest.mark.parametrize(
    "said",
    [
        b"loss=nan", b"loss=NaN", b"loss=inf", b"loss=-inf", b"loss=-1", b"loss=1e400", b"loss=1e999",
        b"loss=", b"loss", b"loss=four", b"loss=0x10", b"loss=1_0", b"loss=1,5", b"loss=1e", b"loss=.5",
        b"loss=1.5x", b"my_loss=2", b"xloss=2", b"loss =2", b"LOSS=2", b"loss=\xd9\xa3", b"loss=1e7",
        b"loss=" + b"9" * 400, b"loss=1." + b"0" * 400, b"\x00loss=2", b"\x1b[31mloss=2\x1b[0m",
        b"\xff\xfe", b"",
    ],
)  # fmt: skip
def test_what_is_no_finite_loss_of_a_sensible_size_is_not_read(said: bytes) -> None:
    assert losses(said + b"\n") == []


@pytest.mark.parametrize(("said", "loss"), [(b"0", 0.0), (b"3.", 3.0), (b"1.5e-3", 0.0015), (b"1e+6", 1e6)])
def test_numbers_are_read_as_the_harness_writes_them(said: bytes, loss: float) -> None:
    assert losses(b"loss=%s\n" % said) == [loss]
    assert loss <= LARGEST_LOSS


def test_a_line_of_megabytes_is_passed_over_and_the_next_one_read() -> None:
    clock = Clock()
    progress = Progress(clock)
    for _ in range(200):
        progress.hear(b"loss=1 " * 9000)
    clock.share = 0.5
    progress.hear(b"loss=2\nloss=3\n")
    assert progress.curve == ((0.5, 3.0),), "the first line had begun long before"


def test_a_line_longer_than_the_limit_is_not_read_even_in_pieces() -> None:
    pieces = [(0.1, b"loss=2 ")] + [(0.1, b"x" * 100)] * 10
    assert heard(*pieces, (0.1, b"\nloss=5\n")) == ((0.1, 5.0),)


def test_millions_of_lines_cost_little_and_leave_at_most_64_points() -> None:
    clock = Clock()
    progress, block = Progress(clock), b"loss=3\n" * 9000
    began = time.monotonic()
    for step in range(2000):
        clock.share = step / 2000
        progress.hear(block)
    assert time.monotonic() - began < 5.0, "126 MB"
    assert len(progress.curve) == POINTS
    assert {loss for _, loss in progress.curve} == {3.0}


def test_what_is_said_beyond_the_room_of_a_point_is_not_read() -> None:
    full = b"loss=2\n" * (POINT_BYTES // 7 + 1)
    assert heard((0.1, full), (0.1, b"loss=900\n" * 100)) == ((0.1, 2.0),)
    assert heard((0.1, full), (0.2, b"00 loss=9\nloss=4\n"))[1] == (0.2, 4.0), "the torn line is no line"


def test_shares_ascend_and_losses_are_finite_whatever_is_said() -> None:
    said = [(0.9 - step / 100, b"loss=1e6\n" * 50) for step in range(50)]
    curve = heard(*said)
    assert list(curve) == sorted(curve)
    assert all(math.isfinite(loss) for _, loss in curve)
    assert len(curve) == 1, "a clock that goes back stays where it was"


def judged(said: Iterable[tuple[float, bytes]], until: int) -> Progress:
    clock = Clock()
    progress = Progress(clock, lambda curve: f"{len(curve)} points" if len(curve) >= until else "")
    for clock.share, data in said:
        progress.hear(data)
    return progress


def test_the_judge_sees_complete_points_only_and_its_first_reason_stays() -> None:
    said = [(share, b"loss=3\n") for share in (0.1, 0.2, 0.3, 0.4, 0.5)]
    assert not judged(said[:3], until=3).enough
    assert judged(said[:4], until=3).verdict == "3 points"
    assert judged(said, until=3).verdict == "3 points"
