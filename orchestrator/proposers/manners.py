"""How one endpoint is asked: the form of the reply, and which of the newer parameters it takes.

Nothing of it is configured. An endpoint is asked in the strongest manner, and when it refuses (400, 422, or
another status whose words name the parameter) in the next weaker one; what was answered is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from orchestrator.breadth import KINDS
from orchestrator.proposers.answers import Answer
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.faults import Fault

TOOL = "propose"


class Form(StrEnum):
    """What the reply is to be, the strongest first."""

    CALL = "call"
    SCHEMA = "schema"
    TEXT = "text"


_NEXT = {Form.CALL: Form.SCHEMA, Form.SCHEMA: Form.TEXT, Form.TEXT: Form.TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    """A strict one, as structured output wants it: every key is required, no other is allowed."""
    closed = {"required": list(properties), "additionalProperties": False}
    return {"type": "object", "properties": properties, **closed}


def _words(description: str) -> dict[str, str]:
    return {"type": "string", "description": description}


_PATH = _words("the path of the file, as it is given")
_SEARCH = _words("whole lines copied exactly from the file, enough of them to be found exactly once")
_REPLACE = _words("the lines that replace them")
SCHEMA = _object(
    title=_words("what changes, in one line"),
    kind=_words(f"what sort of change it is: one of {', '.join(KINDS)}"),
    hypothesis=_words("why it should better the metric, in one sentence"),
    edits={
        "type": "array",
        "items": {
            "anyOf": [
                _object(path=_PATH, search=_SEARCH, replace=_REPLACE),
                _object(path=_PATH, content=_words("the whole new text of the file")),
            ]
        },
    },
)
_DESCRIPTION = "Propose one change of the program: exact replacements, or whole files."
_FORM_WORDS = {
    Form.CALL: f"Give the reply as one call of the tool '{TOOL}' and not as text: title, kind, hypothesis and"
    " edits are its arguments.",
    Form.SCHEMA: "Give the reply as one JSON object and not as text: with title, kind, hypothesis and edits.",
}
_EDIT_WORDS = " An edit has a path and either 'search' and 'replace', or 'content' for the whole file."


@dataclass(frozen=True, slots=True)
class Manner:
    """What is sent beside the messages."""

    form: Form = Form.CALL
    stream: bool = True
    stream_counts: bool = True
    limit_name: str = "max_completion_tokens"
    effort: bool = False
    temperature: bool = False

    @classmethod
    def strongest(cls, endpoint: Endpoint) -> Manner:
        return cls(effort=bool(endpoint.reasoning_effort), temperature=endpoint.temperature is not None)

    def body(self, endpoint: Endpoint, chat: Sequence[dict[str, str]]) -> dict[str, Any]:
        """One request."""
        return {
            "model": endpoint.model,
            "messages": self._instructed(chat),
            self.limit_name: endpoint.max_output_tokens,
            **({"stream": True} if self.stream else {}),
            **({"stream_options": {"include_usage": True}} if self.stream and self.stream_counts else {}),
            **({"reasoning_effort": endpoint.reasoning_effort} if self.effort else {}),
            **({"temperature": endpoint.temperature} if self.temperature else {}),
            **_form(self.form),
        }

    def weaker(self, fault: Fault, *, guess: bool) -> Manner | None:
        """Without what the endpoint's words name; where they name nothing and a guess is allowed, without the
        next thing that servers lack; None for a refusal that has other reasons."""
        if fault.status not in {400, 404, 422, 500, 501}:
            return None
        for pattern, weaker in self._steps():
            if re.search(pattern, fault.detail, re.IGNORECASE):
                return weaker
        steps = [weaker for _, weaker in reversed(list(self._steps()))]
        return steps[0] if guess and steps and fault.status in {400, 422} else None

    def _steps(self) -> Iterator[tuple[str, Manner]]:
        """Each thing that may be left out, by the words that name it, the surest words first."""
        if self.effort:
            yield "reasoning", replace(self, effort=False)
        if self.temperature:
            yield "temperature", replace(self, temperature=False)
        if self.limit_name != "max_tokens":
            yield "max_completion_tokens", replace(self, limit_name="max_tokens")
        if self.stream and self.stream_counts:
            yield "stream_options|include_usage", replace(self, stream_counts=False)
        if self.stream:
            yield r"\bstream(ing)?\b", replace(self, stream=False)
        if self.form is Form.CALL:
            yield "tool|function", self.downgraded()
        if self.form is Form.SCHEMA:
            yield "response_format|json|schema|grammar|structured", self.downgraded()

    def kept_by(self, answer: Answer) -> bool:
        """Whether the answer has the form that was asked for; one cut short or refused shows nothing."""
        if answer.finish_reason in {"length", "content_filter"} or answer.refusal or not answer.text.strip():
            return True
        if self.form is Form.CALL:
            return answer.calls > 0
        return self.form is Form.TEXT or answer.text.lstrip().startswith("{")

    def downgraded(self) -> Manner:
        """The same with the next weaker form."""
        return replace(self, form=_NEXT[self.form])

    def _instructed(self, chat: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        """The chat, with the form of the reply at the end of what the system says."""
        if self.form is Form.TEXT or not chat:
            return list(chat)
        words = f"{chat[0]['content']}\n\n{_FORM_WORDS[self.form]}{_EDIT_WORDS}"
        return [{**chat[0], "content": words}, *chat[1:]]


def _form(form: Form) -> dict[str, Any]:
    if form is Form.CALL:
        function = {"name": TOOL, "description": _DESCRIPTION, "parameters": SCHEMA, "strict": True}
        choice = {"type": "function", "function": {"name": TOOL}}
        return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
    if form is Form.SCHEMA:
        schema = {"name": TOOL, "schema": SCHEMA, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {}
