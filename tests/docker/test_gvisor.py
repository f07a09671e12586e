"""gVisor as the set-up registers it: our profile counts inside, and a broken one is no downgrade."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import SandboxError
from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.container import RUN_LABEL, Outfit, container_body
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.launch import launch
from sandbox_image.bootstrap.engine import gvisor_arguments
from tests.docker.conftest import IMAGE, TAG
from tests.docker.private_engine import PrivateEngine
from tests.docker.sealed import run_sealed
from tests.docker.test_seccomp import PROFILE, REFUSED, REFUSED_TWICE

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(not shutil.which("runsc"), reason="gVisor is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can run an engine of its own"),
    pytest.mark.skipif("DOCKER_HOST" in os.environ, reason="the engine's files are not here"),
]


class GvisorEngine(PrivateEngine):
    """An engine whose runtime runsc is gVisor until `broken` is there, and then a program that fails."""

    @property
    def broken(self) -> Path:
        return self.folder / "broken"

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def _command(self) -> list[str]:
        script = self.folder / "runsc"
        arguments = " ".join(gvisor_arguments(""))
        script.write_text(f'#!/bin/sh\n[ -e {self.broken} ] && exit 1\nexec runsc {arguments} "$@"\n')
        script.chmod(0o755)
        return [*super()._command(), f"--add-runtime=runsc={script}"]


@pytest.fixture(scope="module")
def gvisor(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GvisorEngine]:
    private = GvisorEngine(tmp_path_factory.mktemp("gvisor"), Path(engine.facts().root_dir))
    with private:
        yield private


@pytest.fixture(scope="module")
def probed(gvisor: GvisorEngine) -> dict[str, Any]:
    return run_sealed(PROFILE, "syscalls.py", runtime="runsc", host=gvisor.host)


def test_the_profile_refuses_inside_gvisor_what_it_refuses_outside(probed: dict[str, Any]) -> None:
    assert {name: probed[name] for name in REFUSED + REFUSED_TWICE if probed[name] != errno.EPERM} == {}
    assert {family for family in range(46) if probed[f"family_{family}"] == 0} == {1, 2, 10}
    assert probed["clone3"] == errno.ENOSYS
    assert probed["status"]["Seccomp"] == "2"


def test_gvisor_itself_takes_many_of_these_calls_so_it_is_the_profile_that_refuses(
    gvisor: GvisorEngine,
) -> None:
    open_ = run_sealed("unconfined", "syscalls.py", runtime="runsc", host=gvisor.host)
    taken = {name for name in REFUSED if open_[name] == 0}
    assert taken >= {"shmget", "semget", "unshare", "clone_newuser", "inotify_init1", "family_16"}
    assert open_["status"]["Seccomp"] == "0"


def test_threads_workers_and_compilers_work_inside_gvisor_under_the_profile(gvisor: GvisorEngine) -> None:
    done = run_sealed(PROFILE, "work.py", runtime="runsc", host=gvisor.host)
    assert (done["thread"], done["fork"], done["spawn"], done["built"]) == (
        [1],
        [1, 4, 9],
        [1, 4, 9],
        "built",
    )


def test_a_gvisor_that_fails_is_an_error_and_the_container_never_runs_on_another_tier(
    gvisor: GvisorEngine,
) -> None:
    engine = Engine.connect(gvisor.host)
    policy = SandboxPolicy.model_validate({"runtime": "runsc", "memory_mib": 512})
    outfit = Outfit(engine.image_id(IMAGE), policy, PROFILE, 1.0, {RUN_LABEL: TAG})
    body = container_body(replace(outfit, framework=False), "stdlib")
    gvisor.broken.touch()
    try:
        with pytest.raises(SandboxError, match="could not start") as failure:
            launch(engine, body, "autoresearch-broken-runtime")
    finally:
        gvisor.broken.unlink()
    assert failure.value.exit_code == 4
    assert failure.value.remedy
    assert engine.containers(RUN_LABEL) == []
    launch(engine, body, "autoresearch-mended-runtime").remove()
    engine.close()
