"""Asks one endpoint, one question at a time, within one time limit: an answer, or a ProposerError."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from orchestrator.exchange import Exchange
from orchestrator.proposers.answers import Answer, Completion
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.errand import Abandoned, Errand
from orchestrator.proposers.faults import Fault
from orchestrator.proposers.frame import Message
from orchestrator.proposers.hiding import hide_key, hide_secrets
from orchestrator.proposers.manners import Form, Manner
from orchestrator.proposers.ollama import Ollama
from orchestrator.proposers.tokens import BYTES_PER_TOKEN, count_tokens
from orchestrator.proposers.wire import Wire
from orchestrator.records import Usage

TOKENS_PER_MESSAGE = 4  # what stands around each message, as OpenAI describes it

_Chat = Sequence[dict[str, str]]


class ChatEndpoint:
    """One endpoint, and the manner in which it is known to answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._manner = Manner.strongest(endpoint)
        self._proven: set[Form] = set()
        self._ollama = Ollama(endpoint)
        self._errand: Errand[Answer | Fault] | None = None
        self._closed = False

    def ask(self, messages: Iterable[Message], *, structured: bool = True) -> Answer:
        """Send the messages, return the answer: in the strongest form that the endpoint has, or as text.

        Raises ProposerError.
        """
        chat = [{"role": message.role, "content": message.content} for message in messages]
        outcome = self._in_time(chat, structured)
        if isinstance(outcome, Fault):
            raise outcome.as_error()
        return outcome

    def close(self) -> None:
        """Give up the question that is under way, from any thread; whoever waits for it gets a ProposerError
        at once, and so does every later question."""
        self._closed = True
        errand = self._errand
        if errand:
            errand.abandon()

    def hide_key(self, text: str) -> str:
        """The text without the key, should the endpoint have put it there."""
        return hide_key(text, self._endpoint.key)

    def _in_time(self, chat: _Chat, structured: bool) -> Answer | Fault:
        place, seconds = self._endpoint.place, self._endpoint.total_seconds
        wire = Wire(self._endpoint)
        self._errand = errand = Errand(lambda: self._answer(wire, chat, structured), "model-request")
        if self._closed:
            errand.abandon()
        try:
            return errand.wait(seconds)
        except TimeoutError:
            message = f"{place} did not answer within {seconds:g} seconds, retries included"
            return Fault(message, "try later, or raise the time limit")
        except Abandoned:
            return Fault(f"the question to {place} was given up", "none is needed: the run ends")
        finally:
            wire.close()
            self._errand = None

    def _answer(self, wire: Wire, chat: _Chat, structured: bool) -> Answer | Fault:
        """Ask in weaker and weaker manners until one is answered, and remember that one."""
        manner = self._manner if structured else replace(self._manner, form=Form.TEXT)
        while True:
            if self._closed:
                raise Abandoned
            body = manner.body(self._endpoint, chat)
            outcome = wire.send(body)
            if isinstance(outcome, Completion):
                answer = self._read(outcome, wire.requests, chat, sent=body["messages"])
                self._learn(manner, answer, structured)
                return answer
            weaker = manner.weaker(outcome, guess=manner.form not in self._proven)
            if weaker is None:
                return outcome
            manner = weaker

    def _learn(self, manner: Manner, answer: Answer, structured: bool) -> None:
        kept = manner.kept_by(answer)
        self._proven |= {manner.form} if kept else set()
        known = manner if kept else manner.downgraded()
        self._manner = known if structured else replace(known, form=self._manner.form)
        self._ollama.hold()

    def _read(self, completion: Completion, requests: int, chat: _Chat, *, sent: _Chat) -> Answer:
        """The answer without the key; with tokens estimated where the endpoint counted none."""
        answer = completion.answer(requests)
        usage = answer.usage if answer.usage.tokens else _estimated(answer, chat)
        hidden = [self.hide_key(text) for text in (answer.text, answer.finish_reason, answer.refusal)]
        text, finish_reason, refusal = hidden
        answer = replace(answer, exchange=self._exchange(sent, answer.text or answer.refusal))
        return replace(answer, text=text, finish_reason=finish_reason, refusal=refusal, usage=usage)

    def _exchange(self, sent: _Chat, reply: str) -> Exchange:
        hide = partial(hide_secrets, key=self._endpoint.key)
        messages = ((message["role"], hide(message["content"])) for message in sent)
        return Exchange(tuple(messages), hide(reply))


def _estimated(answer: Answer, chat: _Chat) -> Usage:
    prompt = sum(count_tokens(message["content"]) + TOKENS_PER_MESSAGE for message in chat)
    thought = math.ceil(answer.thought_bytes / BYTES_PER_TOKEN)
    return Usage(answer.usage.requests, prompt, count_tokens(answer.text) + thought)
