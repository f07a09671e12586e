"""The mailbox: a proposal waits for the loop, the loop for a proposal, and neither for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.errors import ProposalsExhausted
from orchestrator.proposers.mailbox import Mailbox, Occupied, named
from orchestrator.records import History, Proposal

EMPTY = History({}, None)
EDIT = Proposal("an edit", {"train.py": "x\n"})


def test_a_proposal_waits_until_the_loop_asks() -> None:
    box = Mailbox("mcp")
    assert box.put(EDIT) == 1
    assert box.propose(EMPTY) is EDIT
    assert (box.handed_out, box.put(EDIT)) == (1, 2)


def test_the_loop_waits_until_a_proposal_comes() -> None:
    box = Mailbox("mcp")
    with ThreadPoolExecutor(1) as loop:
        asked = loop.submit(box.propose, EMPTY)
        time.sleep(0.05)
        assert not asked.done()
        box.put(EDIT)
        assert asked.result(5) is EDIT


def test_a_second_proposal_does_not_wait_beside_the_first() -> None:
    box = Mailbox("mcp")
    box.put(EDIT)
    with pytest.raises(Occupied, match="waits already"):
        box.put(EDIT)


def test_closing_lets_a_waiting_loop_go_at_once_and_takes_nothing_more() -> None:
    box = Mailbox("mcp")
    with ThreadPoolExecutor(1) as loop:
        asked = loop.submit(box.propose, EMPTY)
        box.close("the client went away")
        box.close("another reason")
        with pytest.raises(ProposalsExhausted, match="the client went away"):
            asked.result(5)
    with pytest.raises(Occupied, match="the client went away"):
        box.put(EDIT)


def test_what_was_put_in_before_it_closed_is_still_handed_out() -> None:
    box = Mailbox("try")
    box.put(EDIT)
    box.close("the file was tried")
    assert box.propose(EMPTY) is EDIT
    with pytest.raises(ProposalsExhausted, match="the file was tried"):
        box.propose(EMPTY)


def test_a_night_that_is_over_ends_the_wait_and_hands_nothing_out() -> None:
    over = threading.Event()
    box = Mailbox("mcp", lambda: "the 8 hours are over" if over.is_set() else "")
    with ThreadPoolExecutor(1) as loop:
        asked = loop.submit(box.propose, EMPTY)
        over.set()
        with pytest.raises(ProposalsExhausted, match="8 hours"):
            asked.result(5)
    box.put(EDIT)
    with pytest.raises(ProposalsExhausted, match="8 hours"):
        box.propose(EMPTY)


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("claude-code", "mcp:claude-code"),
        ("", "mcp"),
        ("\x1b[2J\n\u202e", "mcp:2J"),
        ("openai:gpt", "mcp:openai-gpt"),
        ("x" * 99, "mcp:" + "x" * 40),
        ("--", "mcp"),
    ],
)
def test_a_name_is_made_plain_and_cannot_pass_for_another_way(who: str, name: str) -> None:
    assert named("mcp", who) == name


def test_who_is_sent_away_takes_nothing_that_comes_for_the_next() -> None:
    box = Mailbox("mcp")
    with ThreadPoolExecutor(1) as loop:
        asked = loop.submit(box.propose, EMPTY)
        time.sleep(0.05)
        box.send_away()
        box.put(EDIT)
        with pytest.raises(ProposalsExhausted, match="somebody else"):
            asked.result(5)
    assert box.propose(EMPTY) is EDIT
