"""`autoresearch mcp`: a night whose proposer is an agent on the other end of standard input and output."""

from __future__ import annotations

import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread, main_thread
from typing import TYPE_CHECKING

from orchestrator import assembly, researchers
from orchestrator.agents.desk import Briefing, Desk
from orchestrator.assembly import Bench
from orchestrator.budget import Budget
from orchestrator.errors import OrchestratorError
from orchestrator.morning import Morning
from orchestrator.night import AT_LEISURE, Night, checked_tag, open_record, spend
from orchestrator.ports import Ledger
from orchestrator.proposers.mailbox import Mailbox
from orchestrator.settings import load_settings
from orchestrator.views.console import Console

if TYPE_CHECKING:
    from orchestrator.agents.service import Service

LOOK_SECONDS = 0.1
GONE = "the client went away"


def serve_agents(arguments: Namespace) -> int:
    """A night for an agent. It ends when the agent goes, and lets go of the run when its hours are over."""
    settings, tag = load_settings(), checked_tag(arguments.tag)
    bench = assembly.open_bench(settings, arguments.policy, arguments.task)
    data = assembly.data_of(bench, arguments.data)
    budget = Budget(hours=arguments.hours)
    box = Mailbox("mcp", lambda: budget.why_ended if budget.is_over else "")
    night = Night(bench, tag, data, box, budget, AT_LEISURE)
    console = Console(sys.stderr)
    with Morning(settings, night.folder, night.began, console.say), ExitStack() as held:
        ledger = held.enter_context(open_record(night))
        desk = _desk(bench, tag, ledger, box, budget)
        with attended(desk, box, budget, console), held.pop_all(), desk:
            spend(night, ledger, console, desk)
    return 0


def _desk(bench: Bench, tag: str, ledger: Ledger, box: Mailbox, budget: Budget) -> Desk:
    briefing = Briefing(
        run=tag,
        agenda=bench.task.read_agenda(),
        rules=researchers.rules_of(bench),
        measure=bench.measure,
        train_seconds=bench.policy.budget.train_seconds,
    )
    return Desk(ledger, box, bench.lint(), budget, briefing)


@contextmanager
def attended(desk: Desk, box: Mailbox, budget: Budget, console: Console) -> Iterator[None]:
    """Serve the desk beside what is done within, in a thread that keeps no program from ending.

    When the hours are over, or an error of ours ended the night, the agent can still ask until it goes.
    """
    from orchestrator.agents.service import Service

    thread = Thread(target=_serve, args=(Service(desk), desk, box, budget), name="agents", daemon=True)
    thread.start()
    try:
        yield
    except OrchestratorError as error:
        console.say(f"the night ended: {error}")
        thread.join()
        raise
    if budget.seconds_left <= 0:
        thread.join()


def _serve(service: Service, desk: Desk, box: Mailbox, budget: Budget) -> None:
    try:
        service.serve()
    finally:
        box.close(GONE)
        budget.stop(GONE)
        _end_what_runs(desk, budget)


def _end_what_runs(desk: Desk, budget: Budget) -> None:
    """Interrupt the main thread if a container is at work; without one it comes to its end by itself."""
    while not desk.how_ended:
        if desk.busy:
            budget.stop(GONE, at_once=True)
            signal.pthread_kill(main_thread().ident or 0, signal.SIGTERM)
            return
        time.sleep(LOOK_SECONDS)
