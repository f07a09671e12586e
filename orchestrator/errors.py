"""What goes wrong on our side. What a candidate does wrong is data, never an exception.

OrchestratorError            one line and a remedy on the console; exit code by class
├── SetupError      (2)      before anything was spent
├── ProposerError   (3)      the model stayed out of reach after the adapter's own retries
│   └── ModelRefused         the key or the model's name is refused: waiting mends nothing
├── SandboxError    (4)      the engine could not run or could not clean up
│   └── StuckContainer       a container could not be ended: its device goes into quarantine
├── ScorerError     (5)      our measurement broke
└── LedgerError     (6)      the record is inconsistent: stop, touch nothing
"""

from __future__ import annotations

from typing import ClassVar


class OrchestratorError(Exception):
    """One line that says what is wrong, and one that says what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} — {self.remedy}" if self.remedy else self.message


class SetupError(OrchestratorError):
    """Something is missing or wrong, noticed before anything was spent."""

    exit_code = 2


class ProposerError(OrchestratorError):
    """The model stayed out of reach after the adapter's own retries."""

    exit_code = 3


class ModelRefused(ProposerError):  # noqa: N818 - what the endpoint did
    """The endpoint refuses the key or knows no such model: waiting mends nothing."""


class SandboxError(OrchestratorError):
    """The engine could not run a container, or could not clean up after one."""

    exit_code = 4


class StuckContainer(SandboxError):  # noqa: N818 - an alarm: nothing is repeated
    """A container could not be ended, though the engine answers: nothing starts on its device any more."""

    def __init__(self, message: str, *, remedy: str = "", container: str = "", device: str = "cpu") -> None:
        super().__init__(message, remedy=remedy)
        self.container = container
        self.device = device


class ScorerError(OrchestratorError):
    """Our measurement broke; this is never a score."""

    exit_code = 5


class LedgerError(OrchestratorError):
    """The record is inconsistent: stop and touch nothing."""

    exit_code = 6


class ProposalsExhausted(ProposerError):  # noqa: N818 - an end, not a failure
    """The recorded proposals, or the model's budget, are used up: the run ends, exit code 0."""

    exit_code = 0
