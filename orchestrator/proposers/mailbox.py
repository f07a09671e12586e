"""Proposals of somebody outside, one at a time: what is put in waits until the loop asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Condition

from orchestrator.errors import ProposalsExhausted
from orchestrator.records import History, Proposal

LOOK_SECONDS = 0.2
NAME_CHARACTERS = 40
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class Occupied(Exception):  # noqa: N818 - the sender's doing: data, not an error of ours
    """A proposal waits already, or none is taken any more; the message says which."""


def named(way: str, who: str) -> str:
    """How the records name an outside proposer: the way it came, and who it says it is, made plain."""
    plain = _ODD.sub("-", who)[:NAME_CHARACTERS].strip("-")
    return f"{way}:{plain}" if plain else way


class Mailbox:
    """The port Proposer for somebody outside. Safe to use from several threads.

    `why_over` is asked while the loop waits, and says something when the night is over. `handed_out` counts
    the proposals that the loop took.
    """

    def __init__(self, name: str, why_over: Callable[[], str] = str) -> None:
        self.name = name
        self.handed_out = 0
        self._why_over = why_over
        self._changed = Condition()
        self._waiting: Proposal | None = None
        self._closed = ""
        self._askers = 0

    def put(self, proposal: Proposal) -> int:
        """Leave a proposal for the loop; which one it is, counted from 1. Raises Occupied."""
        with self._changed:
            if self._closed:
                raise Occupied(f"no proposal is taken any more: {self._closed}")
            if self._waiting:
                raise Occupied("one proposal waits already: let it begin first")
            self._waiting = proposal
            self._changed.notify_all()
            return self.handed_out + 1

    def close(self, reason: str) -> None:
        """Take no more; who waits for a proposal goes away empty-handed. The first reason stays."""
        with self._changed:
            self._closed = self._closed or reason
            self._changed.notify_all()

    def send_away(self) -> None:
        """Let whoever waits for a proposal go away empty-handed; what comes is for whoever asks then."""
        with self._changed:
            self._askers += 1
            self._changed.notify_all()

    def propose(self, history: History) -> Proposal:  # noqa: ARG002 - the sender has read it already
        """The next proposal, waited for.

        Raises ProposalsExhausted when the night or the box is closed, and when who waits is sent away.
        """
        with self._changed:
            present = self._askers
            while present == self._askers and not (self._waiting or self._closed or self._why_over()):
                self._changed.wait(LOOK_SECONDS)
            over = self._why_over()
            if over or not self._waiting or present != self._askers:
                raise ProposalsExhausted(over or self._closed or "somebody else asks now")
            proposal, self._waiting = self._waiting, None
            self.handed_out += 1
            return proposal
