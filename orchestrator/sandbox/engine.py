"""The container engine: the one owner of the docker library.

Containers are created from the API's own JSON, so that what was asked for can be compared field by
field with what the engine says it made (see `attest.py`). Every call has a time limit, and no
foreign exception leaves this file.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import DockerException

from orchestrator.errors import SandboxError, SetupError
from orchestrator.sandbox.engine_facts import EngineFacts, read_facts
from orchestrator.sandbox.faults import Missing, NotRunning, mapped, stuck, unreachable
from orchestrator.sandbox.heartbeat import NOTICE_SECONDS, Heartbeat
from orchestrator.sandbox.stream import Stream

__all__ = ["Engine", "EngineFacts", "Exit"]

CALL_SECONDS = 30
# Calls that end a container hang where a driver hangs: they get a limit and a connection of their own.
END_CALL_SECONDS = 5
REMOVE_SECONDS = 15.0
SHUTDOWN_SECONDS = 3.0
_ENDED_BY_SIGNAL = {128 + signal.SIGTERM, 128 + signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container's first process ended, in the engine's words."""

    code: int
    oom_killed: bool


class Engine:
    """A connection to one engine, local or remote (DOCKER_HOST)."""

    def __init__(self, client: docker.DockerClient, ending: docker.DockerClient | None = None) -> None:
        self._api: Any = client.api  # partly untyped
        self._ending: Any = (ending or client).api
        self._stuck: set[str] = set()
        self._heartbeat = Heartbeat(lambda: client.api.events(filters={"type": "daemon"}))

    @classmethod
    def connect(cls, host: str = "") -> Engine:
        """Connect to the engine at `host`, or the one that the environment names.

        Raises SetupError with the remedy.
        """
        environment = {**os.environ, "DOCKER_HOST": host} if host else None
        try:
            client, ending = (
                docker.from_env(timeout=seconds, environment=environment)
                for seconds in (CALL_SECONDS, END_CALL_SECONDS)
            )
            client.ping()
        except (DockerException, requests.exceptions.RequestException) as error:
            raise unreachable(error) from None
        return cls(client, ending)

    def close(self) -> None:
        """Give the connections back; nothing can be asked afterwards."""
        self._api.close()
        self._ending.close()

    def facts(self) -> EngineFacts:
        with mapped("describe itself"):
            return read_facts(self._api.info(), self._api.version())

    def identity(self) -> str:
        """A name that the engine keeps over its restarts."""
        with mapped("describe itself"):
            return str(self._api.info()["ID"])

    def begin_watch(self) -> int:
        """From now on `check_unbroken` knows whether the engine went away in between.

        Returns the number of this watch: another one than before says that the engine was away meanwhile.
        """
        with mapped("report its events"):
            self._heartbeat.begin()
        return self._heartbeat.watch

    def check_unbroken(self, exit_: Exit | None = None) -> None:
        """Raises SandboxError when the engine went away since `begin_watch`, so that a broken connection
        is not taken for a candidate's doing.

        An engine that is asked to end first ends its containers by a signal; `exit_` of that kind is given
        time for the engine to follow.
        """
        asked_to_end = exit_ is not None and exit_.code in _ENDED_BY_SIGNAL
        if self._heartbeat.missed(SHUTDOWN_SECONDS if asked_to_end else NOTICE_SECONDS):
            message = "the engine went away while a container ran"
            raise SandboxError(message, remedy="the attempt is repeated; see the engine's own log")

    def image_id(self, tag: str) -> str:
        """The digest that a tag stands for now. Raises SetupError when there is no such image."""
        try:
            with mapped("look for the image"):
                return str(self._api.inspect_image(tag)["Id"])
        except Missing:
            raise SetupError(f"the image {tag} is missing", remedy="run 'make image'") from None

    def create(self, body: Mapping[str, Any], name: str) -> str:
        """Create a container from an API body; nothing runs yet."""
        with mapped(f"create {name}"):
            created = self._api.create_container_from_config(dict(body), name)
        return str(created["Id"])

    def inspect(self, container: str) -> Mapping[str, Any]:
        with mapped(f"inspect {container}"):
            return dict(self._api.inspect_container(container))

    def attach(self, container: str) -> Stream:
        """Both directions of a container's standard streams; attach before start."""
        with mapped(f"attach to {container}"):
            wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            return Stream(self._api.attach_socket(container, params=wanted))

    def start(self, container: str) -> None:
        with mapped(f"start {container}"):
            self._api.start(container)

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container's first process; one that has ended already is no error.

        Raises SandboxError when the engine has not done it after END_CALL_SECONDS.
        """
        try:
            with mapped(f"signal {container}"):
                self._ending.kill(container, signal=name)
        except NotRunning:
            return

    def processes(self, container: str) -> int:
        """How many processes and threads a container has now, as its cgroup counts them."""
        with mapped(f"count the processes of {container[:12]}"):
            stats = self._ending.stats(container, stream=False, one_shot=True)
        return int(stats.get("pids_stats", {}).get("current", 0))

    def thaw(self, container: str) -> bool:
        """Whether a container was paused; it runs on now, for neither tier can end one that is not."""
        with mapped(f"unpause {container[:12]}"):
            paused = bool(self._ending.inspect_container(container)["State"]["Paused"])
            if paused:
                self._ending.unpause(container)
        return paused

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

    def remove(self, container: str, device: str = "cpu") -> None:
        """Kill and remove a container, and see that it is gone.

        Raises SandboxError when the engine does not answer, and StuckContainer, which names the `device`
        that the container may still hold, when it answers and the container is there after REMOVE_SECONDS.
        """
        once_more = END_CALL_SECONDS if container in self._stuck else REMOVE_SECONDS
        deadline = time.monotonic() + once_more
        while problem := self._removal_problem(container):
            if time.monotonic() >= deadline:
                with mapped("answer"):
                    self._ending.ping()
                self._stuck.add(container)
                raise stuck(container, device, problem)
            time.sleep(0.1)
        self._stuck.discard(container)

    def _removal_problem(self, container: str) -> str:
        """Try once to remove a container; why it is still there, empty when it is gone."""
        try:
            with mapped(f"remove {container[:12]}"):
                self._ending.remove_container(container, force=True, v=True)
                self._ending.inspect_container(container)
        except Missing:
            return ""
        except SandboxError as error:
            with suppress(SandboxError):
                self.thaw(container)
            return error.message
        return "it is still there"

    def is_gone(self, container: str) -> bool:
        """Whether the engine knows no such container. Raises SandboxError when it does not answer."""
        try:
            with mapped(f"look for {container[:12]}"):
                self._ending.inspect_container(container)
        except Missing:
            return True
        return False

    def create_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        with mapped(f"create volume {name}"):
            self._api.create_volume(name, driver="local", driver_opts=dict(options), labels=dict(labels))

    def check_volume(self, name: str, label: str) -> None:
        """Raises SandboxError unless there is a volume of this name with this label: creating a
        container would silently make an empty one."""
        try:
            with mapped(f"look for the volume {name}"):
                labels = self._api.inspect_volume(name).get("Labels") or {}
        except Missing:
            labels = {}
        if label not in labels:
            message = f"the volume {name} was removed or replaced"
            raise SandboxError(message, remedy="start the run again: it is filled at the start")

    def await_answer(self, seconds: float) -> bool:
        """Wait until the engine answers, at most so long; whether it does."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with mapped("answer"):
                    return bool(self._api.ping())
            except SandboxError:
                if time.monotonic() >= deadline:
                    return False
            time.sleep(1.0)

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that is gone already is no error, and a stuck container keeps its own."""
        try:
            with mapped(f"remove volume {name}"):
                self._api.remove_volume(name, force=True)
        except Missing:
            return
        except SandboxError:
            if not self._stuck:
                raise

    def containers(self, label: str) -> Sequence[Mapping[str, Any]]:
        """Every container, running or not, that carries a label (`key` or `key=value`)."""
        with mapped("list containers"):
            return list(self._api.containers(all=True, filters={"label": label}))

    def volumes(self, label: str) -> Sequence[Mapping[str, Any]]:
        with mapped("list volumes"):
            return list(self._api.volumes(filters={"label": label})["Volumes"] or ())
