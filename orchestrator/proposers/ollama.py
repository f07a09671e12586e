"""Keeps a local model loaded between two questions.

Ollama unloads a model five minutes after its last answer, about the time of one experiment. Its
OpenAI-compatible endpoint has no `keep_alive`: what is sent there is ignored (ollama/ollama#11458). The
native `/api/generate` without a prompt sets it and answers at once where the model is loaded, and later
questions leave it as it is; it is said after each answer, since a model loaded anew starts with five minutes.
"""

from __future__ import annotations

from threading import Thread

import httpx2

from orchestrator.proposers.endpoint import Endpoint

LIMIT_SECONDS = 10.0
PORT = 11434
USUAL = "30m"


def held_for(wanted: str, base_url: str) -> str:
    """How long to hold the model: as wanted, not at all for `off`, for `auto` 30 minutes at Ollama's port."""
    if wanted == "auto":
        return USUAL if httpx2.URL(base_url).port == PORT else ""
    return "" if wanted == "off" else wanted


class Ollama:
    """The native side of an endpoint's server, where `keep_alive` asks for it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._listens = bool(endpoint.keep_alive)

    def hold(self) -> None:
        """Ask for the model to be held; nobody waits for it, and a server that knows no such thing is asked
        once."""
        if self._listens:
            Thread(target=self._ask, name="model-hold", daemon=True).start()

    def _ask(self) -> None:
        root = httpx2.URL(self._endpoint.base_url)
        path = root.path.rstrip("/").removesuffix("/v1")
        held = self._endpoint.keep_alive
        body = {
            "model": self._endpoint.model,
            "keep_alive": int(held) if held.lstrip("-").isdigit() else held,
        }
        headers = {"Authorization": f"Bearer {self._endpoint.key}"} if self._endpoint.key else {}
        try:
            with httpx2.stream(
                "POST",
                root.copy_with(path=f"{path}/api/generate"),
                json=body,
                headers=headers,
                timeout=LIMIT_SECONDS,
            ) as response:
                self._listens = response.is_success
        except httpx2.HTTPError:
            return  # it is away for now, or still loading: the next answer asks again
