"""What of a run's bulk is kept: exchanges with a model on request, and all of it only up to the run's bound.

A run's size is reckoned from its log, by what each event says was stored: a start need not look through a
folder of 100,000 files, and after a crash the answer is the same. It counts before compression, so that the
disk holds less. At the bound one event is written, and from then on no exchange is kept, of each log its end,
and no folder of a discarded attempt, all of which the run goes on without.
"""

from __future__ import annotations

from orchestrator.ledger.audit import AuditLog
from orchestrator.ledger.facts import tail_of
from orchestrator.ledger.state import State
from orchestrator.policy import RecordsPolicy
from orchestrator.records import Proposal

COPIES = 2  # a log is a blob and stands in a folder, a source also in a diff, an event also in the index
BYTES_PER_EVENT = 12 * 1024  # the three or so files that come with it, each in blocks of 4 KiB


def records_policy(state: State) -> RecordsPolicy:
    """The section of the policy that the log says is in force."""
    return RecordsPolicy.model_validate((state.policy or {}).get("records", {}))


def reckoned_bytes(state: State, audit: AuditLog) -> int:
    """What the run's folder takes at most."""
    return COPIES * (audit.size + state.stored_bytes) + BYTES_PER_EVENT * audit.count


def is_full(state: State, audit: AuditLog) -> bool:
    """Whether the run has reached its bound."""
    return reckoned_bytes(state, audit) >= records_policy(state).max_run_mib << 20


def kept_exchange(state: State, proposal: Proposal) -> bytes:
    """The exchange that a proposal came from, if it is to be kept; else empty."""
    policy = records_policy(state)
    if proposal.exchange is None or state.bounded or not policy.keep_prompts:
        return b""
    said = proposal.exchange.to_json()
    return said if len(said) <= policy.max_prompt_kib << 10 else b""


def kept_log(state: State, log: str) -> bytes:
    """As much of a run's log as is to be kept."""
    return (tail_of(log) if state.bounded else log).encode(errors="replace")
