"""Several watchers as one."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.ports import Watcher
from orchestrator.records import Attempt, Decision, Experiment, Run


class Several:
    """The port `Watcher`; tells each of its watchers in turn."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = tuple(watchers)

    def proposing(self, proposer: str) -> None:
        for watcher in self._watchers:
            watcher.proposing(proposer)

    def opened(self, attempt: Attempt) -> None:
        for watcher in self._watchers:
            watcher.opened(attempt)

    def training(self, attempt: Attempt) -> None:
        for watcher in self._watchers:
            watcher.training(attempt)

    def scoring(self, attempt: Attempt, run: Run) -> None:
        for watcher in self._watchers:
            watcher.scoring(attempt, run)

    def closed(self, experiment: Experiment, decision: Decision) -> None:
        for watcher in self._watchers:
            watcher.closed(experiment, decision)
