"""Where one model is, and what one answer of it may cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from orchestrator.errors import SetupError
from orchestrator.proposers.faults import check_key

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An OpenAI-compatible endpoint and the model asked there. An empty key is for servers that want none.

    `request_seconds` bounds the silence within one try, `total_seconds` all tries and waits together. An
    empty `reasoning_effort` and no `temperature` leave both to the model. `keep_alive` is how long an Ollama
    server should hold the model after each answer; nothing is said about it when empty.
    Raises SetupError for a key or an address that cannot be one.
    """

    model: str
    api_key: str = field(repr=False)
    base_url: str = field(default=OPENAI_URL, repr=False)
    max_output_tokens: int = 16_384
    request_seconds: float = 180.0
    total_seconds: float = 600.0
    max_retries: int = 4
    reasoning_effort: str = ""
    temperature: float | None = None
    keep_alive: str = ""

    def __post_init__(self) -> None:
        check_key(self.api_key)
        if not _is_http_address(self.base_url):
            raise SetupError(
                "the model's base URL is not an http address", remedy="such as http://host:8000/v1"
            )

    @property
    def key(self) -> str:
        return self.api_key.strip()

    @property
    def place(self) -> str:
        """The address without what may be secret in it: user, password and query."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_http_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
