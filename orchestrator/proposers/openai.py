"""A proposer on any endpoint that speaks OpenAI's chat completions.

What the endpoint does wrong is a ProposerError with a remedy; what the model says wrong is a proposal with a
`problem`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.errors import ProposerError
from orchestrator.proposers.answers import Answer
from orchestrator.proposers.chat import ChatEndpoint
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.frame import Message, framed
from orchestrator.proposers.mending import mend_words
from orchestrator.proposers.notebook import Notebook
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proposers.replies import UNTITLED, read_reply
from orchestrator.records import Files, History, Proposal, Usage
from orchestrator.text import sanitise_line

REFUSAL_CHARACTERS = 200
CUT_OFF = "the reply was cut off at the limit of output tokens; propose a smaller edit"
ALL_THOUGHT = (
    "the model spent all {} output tokens on thinking and said nothing; think less: a smaller change, a lower"
    " AUTORESEARCH_REASONING_EFFORT, or more model.output_tokens"
)


@dataclass(frozen=True, slots=True)
class Talk:
    """The last question, what the model replied, and what became of it."""

    messages: tuple[Message, ...]
    reply: str
    proposal: Proposal
    base: Files

    def led_to(self, refused: Proposal, best: Files) -> bool:
        """Whether it can go on about this proposal; what that cost may have been reckoned anew since."""
        same = replace(refused, usage=self.proposal.usage) == self.proposal
        return same and self.base == best and bool(self.reply.strip())


class OpenAIProposer:
    """One question, one proposal."""

    def __init__(
        self,
        endpoint: Endpoint,
        prompt: PromptBuilder,
        *,
        name: str = "openai",
        notebook: Notebook | None = None,
    ) -> None:
        self.name = name
        self._notebook = notebook
        self._chat = ChatEndpoint(endpoint)
        self._prompt = prompt
        self._talk: Talk | None = None
        self._owed = Usage()

    def propose(self, history: History) -> Proposal:
        """Where `history.mend` is its own last proposal, the question goes on in the same conversation.

        Raises ProposerError when no well-formed answer came within the time limit and the retries.
        """
        self._owed += self._rewrite_lessons(history)
        messages = self._messages(history)
        answer = self._chat.ask(messages)
        said, proposal = answer.exchange, self._proposal(answer, history.best_files)
        proposal = replace(
            proposal,
            usage=proposal.usage + self._owed,
            prompt_sha256=said.prompt_sha256,
            reply_sha256=said.reply_sha256,
            exchange=said,
        )
        self._owed = Usage()
        self._talk = Talk(messages, answer.text, proposal, history.best_files)
        return proposal

    def check(self) -> None:
        """One tiny question in plain text. Raises ProposerError with a remedy."""
        answer = self._chat.ask((Message("user", "Answer with the word: ready"),), structured=False)
        if not answer.text.strip():
            reason = _problem(answer) or "the model answered nothing"
            raise ProposerError(reason, remedy="try another model")

    def close(self) -> None:
        """Give up a question that is under way, from any thread: `propose` raises ProposerError at once."""
        self._chat.close()

    def _messages(self, history: History) -> tuple[Message, ...]:
        mend, talk = history.mend, self._talk
        if mend and talk and talk.led_to(mend.proposal, history.best_files):
            said = Message("assistant", talk.reply)
            words = framed(self._prompt.nonce, lambda frame: mend_words(mend, frame))
            return (*talk.messages[:2], said, Message("user", words))
        return self._prompt.messages(history, self._notebook.text if self._notebook else "")

    def _rewrite_lessons(self, history: History) -> Usage:
        """Ask for the notebook anew where that is due; what fails leaves the old one, until the next time."""
        notebook = self._notebook
        if notebook is None or history.mend or not notebook.due(history):
            return Usage()
        try:
            answer = self._chat.ask(notebook.request(history), structured=False)
        except ProposerError:
            notebook.take("")
            return Usage()
        notebook.take(self._chat.hide_key(answer.text))
        return answer.usage

    def _proposal(self, answer: Answer, base: Files) -> Proposal:
        problem = _problem(answer)
        if problem:
            return Proposal(UNTITLED, {}, proposer=self.name, problem=problem, usage=answer.usage)
        read = read_reply(answer.text, base, proposer=self.name, usage=answer.usage)
        hide = self._chat.hide_key  # once more: a reply in JSON may have spelt it with escapes
        return replace(
            read,
            title=hide(read.title),
            kind=hide(read.kind),
            hypothesis=hide(read.hypothesis),
            problem=hide(read.problem),
            files={hide(path): hide(text) for path, text in read.files.items()},
        )


def _problem(answer: Answer) -> str:
    if answer.refusal:
        return f"the model refused: {sanitise_line(answer.refusal, REFUSAL_CHARACTERS)}"
    if answer.finish_reason == "length":
        said = answer.text.strip() and not answer.text.lstrip().startswith("<think")
        return CUT_OFF if said else ALL_THOUGHT.format(answer.usage.completion_tokens)
    if answer.finish_reason == "content_filter":
        return "the endpoint's content filter withheld the reply"
    if answer.calls > 1:
        return f"the reply calls the tool {answer.calls} times; put all edits into one call"
    return "" if answer.text.strip() else "the model's reply is empty"
