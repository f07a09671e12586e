"""Makes a container as a run would, compares it, starts it and takes it away: whether this engine can."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace

from orchestrator.sandbox import attest
from orchestrator.sandbox.container import RUN_LABEL, Outfit, container_body, output_options
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.ownership import OWNER_LABEL, owner_of


def rehearse(engine: Engine, outfit: Outfit) -> list[str]:
    """Each way in which the engine's container differs from the policy's; nothing is left behind.

    Raises SandboxError when the engine cannot make or start the container, or make its output volume.
    """
    name = f"autoresearch-rehearsal-{secrets.token_hex(6)}"
    labels = {RUN_LABEL: name, OWNER_LABEL: owner_of(os.getpid())}
    body = container_body(replace(outfit, labels=labels), "hold", out_volume=name)
    engine.create_volume(name, output_options(outfit.policy), labels)
    try:
        container = engine.create(body, name)
        try:
            found = attest.differences(body, engine.inspect(container))
            if not found:
                engine.start(container)
            return found
        finally:
            engine.remove(container)
    finally:
        engine.remove_volume(name)
