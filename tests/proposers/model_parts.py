"""A model's proposer over the local server, its history and a good reply."""

from __future__ import annotations

from typing import Any

from orchestrator.policy import EditPolicy
from orchestrator.proposers.endpoint import Endpoint
from orchestrator.proposers.openai import OpenAIProposer
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.records import History

from .openai_server import OpenAIServer

KEY = "sk-canary-9f27d1c0ffee4b1e8a55"
SOURCE = "DEPTH = 3\nWIDTH = 64\n\n\ndef main():\n    pass\n"
HISTORY = History({"train.py": SOURCE}, 2.5)
GOOD = """\
TITLE: deeper
HYPOTHESIS: one more block helps
train.py
<<<<<<< SEARCH
DEPTH = 3
=======
DEPTH = 4
>>>>>>> REPLACE
"""


def proposer(
    server: OpenAIServer,
    *,
    retries: int = 0,
    request_seconds: float = 20.0,
    total_seconds: float = 30.0,
    name: str = "openai",
    **more: Any,
) -> OpenAIProposer:
    """A proposer that asks this server, with a key that must appear nowhere."""
    endpoint = Endpoint(
        model="test-model",
        api_key=KEY,
        base_url=server.base_url,
        max_retries=retries,
        request_seconds=request_seconds,
        total_seconds=total_seconds,
        **more,
    )
    prompt = PromptBuilder(
        agenda="Lower the metric.",
        edit=EditPolicy(),
        entry_file="train.py",
        entry_points={"main": 0, "build_model": 1},
    )
    return OpenAIProposer(endpoint, prompt, name=name)
