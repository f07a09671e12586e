"""The container engine: the one owner of the docker library.

Containers are created from the API's own JSON, so that what was asked for can be compared field by
field with what the engine says it made (see `attest.py`). Every call has a time limit, and no
foreign exception leaves this file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from orchestrator.errors import OrchestratorError, SandboxError, SetupError
from orchestrator.sandbox.heartbeat import Heartbeat
from orchestrator.sandbox.stream import Stream

CALL_SECONDS = 30
REMOVE_SECONDS = 15.0
_ENGINE_REMEDY = "run 'autoresearch doctor'"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the engine says of itself and its machine."""

    version: str
    cpus: int
    memory_bytes: int
    runtimes: tuple[str, ...]
    kernel: str
    cdi_devices: tuple[str, ...]
    root_dir: str


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container's first process ended, in the engine's words."""

    code: int
    oom_killed: bool


class Engine:
    """A connection to one engine, local or remote (DOCKER_HOST)."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._api: Any = client.api  # partly untyped
        self._heartbeat = Heartbeat(lambda: client.api.events(filters={"type": "daemon"}))

    @classmethod
    def connect(cls, host: str = "") -> Engine:
        """Connect to the engine at `host`, or the one that the environment names.

        Raises SetupError with the remedy.
        """
        environment = {**os.environ, "DOCKER_HOST": host} if host else None
        try:
            client = docker.from_env(timeout=CALL_SECONDS, environment=environment)
            client.ping()
        except (DockerException, requests.exceptions.RequestException) as error:
            raise _unreachable(error) from None
        return cls(client)

    def facts(self) -> EngineFacts:
        with _mapped("describe itself"):
            info = self._api.info()
        devices = tuple(device.get("ID", "") for device in info.get("DiscoveredDevices") or ())
        return EngineFacts(
            version=info["ServerVersion"],
            cpus=info["NCPU"],
            memory_bytes=info["MemTotal"],
            runtimes=tuple(info["Runtimes"]),
            kernel=info["KernelVersion"],
            cdi_devices=devices,
            root_dir=info["DockerRootDir"],
        )

    def begin_watch(self) -> None:
        """From now on `check_unbroken` knows whether the engine went away in between."""
        with _mapped("report its events"):
            self._heartbeat.begin()

    def check_unbroken(self) -> None:
        """Raises SandboxError when the engine went away since `begin_watch`, so that a broken connection
        is not taken for a candidate's doing."""
        if self._heartbeat.missed():
            message = "the engine went away while a container ran"
            raise SandboxError(message, remedy="the attempt is repeated; see the engine's own log")

    def image_id(self, tag: str) -> str:
        """The digest that a tag stands for now. Raises SetupError when there is no such image."""
        try:
            with _mapped("look for the image"):
                return str(self._api.inspect_image(tag)["Id"])
        except _Missing:
            raise SetupError(f"the image {tag} is missing", remedy="run 'make image'") from None

    def create(self, body: Mapping[str, Any], name: str) -> str:
        """Create a container from an API body; nothing runs yet."""
        with _mapped(f"create {name}"):
            created = self._api.create_container_from_config(dict(body), name)
        return str(created["Id"])

    def inspect(self, container: str) -> Mapping[str, Any]:
        with _mapped(f"inspect {container}"):
            return dict(self._api.inspect_container(container))

    def attach(self, container: str) -> Stream:
        """Both directions of a container's standard streams; attach before start."""
        with _mapped(f"attach to {container}"):
            wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            return Stream(self._api.attach_socket(container, params=wanted))

    def start(self, container: str) -> None:
        with _mapped(f"start {container}"):
            self._api.start(container)

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container's first process; one that has ended already is no error."""
        try:
            with _mapped(f"signal {container}"):
                self._api.kill(container, signal=name)
        except _NotRunning:
            return

    def wait_exit(self, container: str, seconds: float) -> Exit | None:
        """How the container ended, or None when it still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.inspect(container)["State"]
            if state["Status"] in {"exited", "dead"}:
                return Exit(code=state["ExitCode"], oom_killed=state["OOMKilled"])
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.02)

    def remove(self, container: str) -> None:
        """Kill and remove a container, and see that it is gone.

        Raises SandboxError when it is still there after REMOVE_SECONDS.
        """
        deadline, problem = time.monotonic() + REMOVE_SECONDS, "it is still there"
        while time.monotonic() < deadline:
            try:
                with _mapped(f"remove {container}"):
                    self._api.remove_container(container, force=True, v=True)
                    self._api.inspect_container(container)
            except _Missing:
                return
            except SandboxError as error:
                problem = error.message
            time.sleep(0.1)
        remedy = "the engine needs a look; afterwards run 'autoresearch reap'"
        raise SandboxError(f"container {container[:12]} cannot be removed: {problem}", remedy=remedy)

    def create_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        with _mapped(f"create volume {name}"):
            self._api.create_volume(name, driver="local", driver_opts=dict(options), labels=dict(labels))

    def check_volume(self, name: str, label: str) -> None:
        """Raises SandboxError unless there is a volume of this name with this label: creating a
        container would silently make an empty one."""
        try:
            with _mapped(f"look for the volume {name}"):
                labels = self._api.inspect_volume(name).get("Labels") or {}
        except _Missing:
            labels = {}
        if label not in labels:
            message = f"the volume {name} was removed or replaced"
            raise SandboxError(message, remedy="start the run again: it is filled at the start")

    def await_answer(self, seconds: float) -> bool:
        """Wait until the engine answers, at most so long; whether it does."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with _mapped("answer"):
                    return bool(self._api.ping())
            except SandboxError:
                if time.monotonic() >= deadline:
                    return False
            time.sleep(1.0)

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that is gone already is no error."""
        try:
            with _mapped(f"remove volume {name}"):
                self._api.remove_volume(name, force=True)
        except _Missing:
            return

    def containers(self, label: str) -> Sequence[Mapping[str, Any]]:
        """Every container, running or not, that carries a label (`key` or `key=value`)."""
        with _mapped("list containers"):
            return list(self._api.containers(all=True, filters={"label": label}))

    def volumes(self, label: str) -> Sequence[Mapping[str, Any]]:
        with _mapped("list volumes"):
            return list(self._api.volumes(filters={"label": label})["Volumes"] or ())


class _Missing(SandboxError):  # noqa: N818 - private
    """The engine knows no such container, image or volume."""


class _NotRunning(SandboxError):  # noqa: N818 - private
    """The container has ended already."""


@contextmanager
def _mapped(doing: str) -> Iterator[None]:
    """Turn every exception of the docker stack into one of ours."""
    try:
        yield
    except (NotFound, ImageNotFound) as error:
        raise _Missing(f"the engine could not {doing}: {error.explanation}") from None
    except APIError as error:
        kind = _NotRunning if "is not running" in str(error.explanation) else SandboxError
        raise kind(f"the engine could not {doing}: {error.explanation}", remedy=_ENGINE_REMEDY) from None
    except (DockerException, requests.exceptions.RequestException, OSError) as error:
        message = f"the engine did not answer ({doing}): {type(error).__name__}"
        raise SandboxError(message, remedy="is dockerd running? try 'autoresearch doctor'") from None


def _unreachable(error: Exception) -> OrchestratorError:
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
