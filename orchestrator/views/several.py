"""Several watchers as one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from orchestrator.ports import Watcher
from orchestrator.records import Attempt, Decision, Experiment, Run


class Several:
    """The port `Watcher`; tells each of its watchers in turn."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = tuple(watchers)

    def proposing(self, proposer: str) -> None:
        self._tell(lambda watcher: watcher.proposing(proposer))

    def opened(self, attempt: Attempt) -> None:
        self._tell(lambda watcher: watcher.opened(attempt))

    def training(self, attempt: Attempt) -> None:
        self._tell(lambda watcher: watcher.training(attempt))

    def scoring(self, attempt: Attempt, run: Run) -> None:
        self._tell(lambda watcher: watcher.scoring(attempt, run))

    def measured(self, experiment: Experiment, decision: Decision) -> None:
        self._tell(lambda watcher: watcher.measured(experiment, decision))

    def closed(self, experiment: Experiment, decision: Decision) -> None:
        self._tell(lambda watcher: watcher.closed(experiment, decision))

    def _tell(self, news: Callable[[Watcher], None]) -> None:
        for watcher in self._watchers:
            with contextlib.suppress(OSError):  # a full disk or a closed terminal ends no night
                news(watcher)
