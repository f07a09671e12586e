"""The docker stack's exceptions as ours: none of them leaves `engine.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from orchestrator.errors import OrchestratorError, SandboxError, SetupError, StuckContainer

_ENGINE_REMEDY = "run 'autoresearch doctor'"
_RUNTIME_REMEDY = "the runtime itself is broken: try 'runsc --version' or 'runc --version', reinstall it"


class Missing(SandboxError):  # noqa: N818 - an answer, which the engine catches
    """The engine knows no such container, image or volume."""


class NotRunning(SandboxError):  # noqa: N818 - an answer, which the engine catches
    """The container has ended already."""


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Turn every exception of the docker stack into one of ours."""
    try:
        yield
    except (NotFound, ImageNotFound) as error:
        raise Missing(f"the engine could not {doing}: {error.explanation}") from None
    except APIError as error:
        kind = NotRunning if "is not running" in str(error.explanation) else SandboxError
        said = str(error.explanation)
        raise kind(f"the engine could not {doing}: {said}", remedy=_remedy(said)) from None
    except (DockerException, requests.exceptions.RequestException, OSError) as error:
        message = f"the engine did not answer ({doing}): {type(error).__name__}"
        raise SandboxError(message, remedy="is dockerd running? try 'autoresearch doctor'") from None


def _remedy(said: str) -> str:
    return _RUNTIME_REMEDY if "OCI runtime" in said or "shim task" in said else _ENGINE_REMEDY


def unreachable(error: Exception) -> OrchestratorError:
    """Why there is no connection to an engine, with the remedy."""
    text = str(error)
    if "Permission denied" in text:
        return SetupError(
            "the Docker engine refuses this user",
            remedy="run as root, or 'usermod -aG docker $USER' and log in again",
        )
    return SetupError(
        "no Docker engine answers",
        remedy="run 'make image', start dockerd, or set DOCKER_HOST",
    )


def stuck(container: str, device: str, problem: str) -> StuckContainer:
    """The alarm for a container that could not be ended, with what a person has to do."""
    name = container[:12]
    return StuckContainer(
        f"ALARM: container {name} cannot be ended, {device} is in quarantine: {problem}",
        remedy=f"see to {device} and to the engine ('docker inspect {name}'), reboot if it must be, "
        "then run 'autoresearch reap'",
        container=container,
        device=device,
    )
