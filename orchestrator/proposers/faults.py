"""Every exception of the model's client, as one line and a remedy that hold no secret."""

from __future__ import annotations

import re
from dataclasses import dataclass

import openai

from orchestrator.errors import ModelRefused, ProposerError, SetupError
from orchestrator.text import sanitise_line

DETAIL_CHARACTERS = 200
KEY_REMEDY = "set OPENAI_API_KEY to a key that this endpoint accepts"
_KEY_PART_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no answer. `detail` is the endpoint's own words, redacted.

    A `passing` one came up while the answer was read, after the SDK's own retries, and may be gone next time.
    """

    message: str
    remedy: str
    status: int = 0
    detail: str = ""
    passing: bool = False

    def as_error(self) -> ProposerError:
        """The exception to raise for it: ModelRefused where waiting mends nothing."""
        kind = ModelRefused if self.status in {401, 403, 404} else ProposerError
        return kind(self.message, remedy=self.remedy)


def check_key(key: str) -> None:
    """Raises SetupError, which does not repeat the key, for one that no HTTP header can carry."""
    bare = key.strip()
    if not (bare.isascii() and bare.isprintable()) or " " in bare:
        raise SetupError("the API key holds characters that no key has", remedy="copy the key again")


def fault_of(error: openai.OpenAIError, *, model: str, place: str, key: str) -> Fault:
    """The fault for what the SDK raised after its retries."""
    if isinstance(error, openai.APIStatusError):
        return _status_fault(error, model, place, key)
    if isinstance(error, openai.APITimeoutError):
        return Fault(f"{place} was silent for too long, at every try", "try later, or raise the time limit")
    if isinstance(error, openai.APIConnectionError):
        cause = type(error.__cause__).__name__ if error.__cause__ else "no connection"
        return Fault(f"{place} cannot be reached ({cause})", "check the base URL, the network and the server")
    return Fault(f"the model's client failed ({type(error).__name__})", "check the endpoint with `doctor`")


def _status_fault(error: openai.APIStatusError, model: str, place: str, key: str) -> Fault:
    status = error.status_code
    detail = redact(_server_words(error.body), key)
    message, remedy = _meaning(status, model, place)
    shown = f"{message}: {detail}" if detail and status not in {401, 403} else message
    return Fault(shown, remedy, status, detail)


def _meaning(status: int, model: str, place: str) -> tuple[str, str]:
    if status == 401:
        return f"{place} refuses the API key (401)", KEY_REMEDY
    if status == 403:
        return f"{place} denies this API key the model {model!r} (403)", KEY_REMEDY
    if status == 404:
        return f"{place} knows no model {model!r} (404)", "check the model's name and the base URL"
    if status == 429:
        return f"{place} limits the rate, retries included (429)", "wait, or raise the quota of the key"
    if status >= 500:
        return f"{place} failed, retries included ({status})", "try later, or another endpoint"
    return f"{place} refuses the request ({status})", "check the model's name and its limits"


def _server_words(body: object) -> str:
    """The `message` or `detail` of an error object as such servers send it; nothing of any other body."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(inner, dict):
        inner = inner.get("message") or inner.get("detail")
    if isinstance(inner, dict):
        inner = inner.get("detail")
    if isinstance(inner, list):
        return "; ".join(_complaint(item) for item in inner[:3])
    return inner if isinstance(inner, str) else ""


def _complaint(item: object) -> str:
    """What a server that validates says of one field: where it stands, and what is wrong."""
    found = item if isinstance(item, dict) else {}
    place, words = found.get("loc"), found.get("msg")
    where = ".".join(str(part)[:40] for part in place[:6]) if isinstance(place, list) else ""
    return f"{where}: {words if isinstance(words, str) else ''}"


def redact(text: str, key: str) -> str:
    """One line without the key, nor any word that holds a piece of it, nor anything that looks like a key."""
    bare = key.strip()
    hidden = text.replace(bare, "[key]") if bare else text
    ends = {bare[:_KEY_PART_CHARACTERS], bare[-_KEY_PART_CHARACTERS:]}
    pieces = {end for end in ends if len(end) == _KEY_PART_CHARACTERS}
    words = [_redact_word(word, pieces) for word in sanitise_line(hidden, 4 * DETAIL_CHARACTERS).split(" ")]
    return sanitise_line(" ".join(words), DETAIL_CHARACTERS)


def _redact_word(word: str, pieces: set[str]) -> str:
    looks_like_a_key = re.search(r"\bsk-[\w*-]{4,}|Bearer", word)
    return "[key]" if looks_like_a_key or any(piece in word for piece in pieces) else word
