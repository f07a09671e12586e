"""What a model was sent and what it replied, as it may be recorded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """The messages of one question, each a role and its content, and the text of the answer.

    Whoever asked took the secrets out of it first; the digests are of what stands here. Raises ValueError for
    text that is not Unicode.
    """

    messages: tuple[tuple[str, str], ...]
    reply: str

    def __post_init__(self) -> None:
        for text in (self.reply, *(content for _, content in self.messages)):
            text.encode()

    @property
    def prompt_sha256(self) -> str:
        """SHA-256 of the messages as JSON: keys sorted, no spaces, ASCII."""
        return hashlib.sha256(_json(self._chat)).hexdigest()

    @property
    def reply_sha256(self) -> str:
        """SHA-256 of the answer in UTF-8."""
        return hashlib.sha256(self.reply.encode()).hexdigest()

    def to_json(self) -> bytes:
        """Both, in the same form."""
        return _json({"messages": self._chat, "reply": self.reply})

    @classmethod
    def from_json(cls, data: bytes) -> Exchange:
        """Raises ValueError for what `to_json` did not write."""
        try:
            said = json.loads(data)
            messages = tuple((message["role"], message["content"]) for message in said["messages"])
            return cls(messages, said["reply"])
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("is no exchange with a model") from error

    @property
    def _chat(self) -> list[dict[str, str]]:
        return [{"role": role, "content": content} for role, content in self.messages]


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
