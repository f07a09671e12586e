"""A proposer on any endpoint that speaks OpenAI's chat completions.

What the endpoint does wrong is a ProposerError with a remedy; what the model says wrong is a proposal with a
`problem`.
"""

from __future__ import annotations

from orchestrator.errors import ProposerError
from orchestrator.proposers.endpoint import Answer, ChatEndpoint, Endpoint
from orchestrator.proposers.frame import Message
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proposers.replies import UNTITLED, read_reply
from orchestrator.records import History, Proposal
from orchestrator.text import sanitise_line

REFUSAL_CHARACTERS = 200
STOPPED_EARLY = {
    "length": "the reply was cut off at the limit of output tokens; propose a smaller edit",
    "content_filter": "the endpoint's content filter withheld the reply",
}


class OpenAIProposer:
    """One request, one proposal."""

    def __init__(self, endpoint: Endpoint, prompt: PromptBuilder, *, name: str = "openai") -> None:
        self.name = name
        self._chat = ChatEndpoint(endpoint)
        self._prompt = prompt

    def propose(self, history: History) -> Proposal:
        """Raises ProposerError when no well-formed answer came within the time limit and the retries."""
        answer = self._chat.ask(self._prompt.messages(history))
        problem = _problem(answer)
        if problem:
            return Proposal(UNTITLED, {}, proposer=self.name, problem=problem, usage=answer.usage)
        return read_reply(answer.text, history.best_files, proposer=self.name, usage=answer.usage)

    def check(self) -> None:
        """One tiny request of the same kind as `propose` sends. Raises ProposerError with a remedy."""
        answer = self._chat.ask((Message("user", "Answer with the word: ready"),))
        if not answer.text.strip():
            reason = _problem(answer) or "the model answered nothing"
            raise ProposerError(reason, remedy="try another model")


def _problem(answer: Answer) -> str:
    if answer.refusal:
        return f"the model refused: {sanitise_line(answer.refusal, REFUSAL_CHARACTERS)}"
    if answer.finish_reason in STOPPED_EARLY:
        return STOPPED_EARLY[answer.finish_reason]
    return "" if answer.text.strip() else "the model's reply is empty"
