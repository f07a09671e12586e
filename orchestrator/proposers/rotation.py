"""Several models that take turns."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import ProposerError
from orchestrator.proposers.openai import OpenAIProposer
from orchestrator.records import History, Proposal


class Rotation:
    """Each proposal comes from the next model; a refused one is mended by the model that made it."""

    def __init__(self, proposers: Sequence[OpenAIProposer]) -> None:
        self.name = "+".join(proposer.name for proposer in proposers)
        self._all = tuple(proposers)
        self._turns = list(proposers)

    def propose(self, history: History) -> Proposal:
        """A model that is out of reach is passed over.

        Raises the first one's ProposerError when all of them are.
        """
        errors: list[ProposerError] = []
        for proposer in self._order(history):
            self._turns.remove(proposer)
            self._turns.append(proposer)
            try:
                return proposer.propose(history)
            except ProposerError as error:
                errors.append(error)
        raise errors[0]

    def check(self) -> None:
        """Raises ProposerError with a remedy for the first model that does not answer."""
        for proposer in self._all:
            proposer.check()

    def close(self) -> None:
        """Give up the question that is under way, from any thread."""
        for proposer in self._all:
            proposer.close()

    def _order(self, history: History) -> list[OpenAIProposer]:
        maker = history.mend.proposal.proposer if history.mend else ""
        return sorted(self._turns, key=lambda proposer: proposer.name != maker)
