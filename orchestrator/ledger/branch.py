"""The kept commits of a run as a branch of the user's own repository; nothing else there is touched."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LedgerError, SetupError
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.standing import read_standing
from orchestrator.ledger.state import BEST

_SECONDS = 120
_FLAGS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"),
    *("-c", "protocol.allow=never", "-c", "protocol.file.allow=always"),
    *("-c", "maintenance.auto=false", "-c", "fetch.fsckObjects=true"),
)
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")


@dataclass(frozen=True, slots=True)
class Exported:
    """The branch, its commit, and how many kept commits lead to it."""

    branch: str
    commit: str
    commits: int


def export_branch(folder: Path, name: str, repository: Path) -> Exported:
    """Make the branch and bring the kept commits to it; no hook runs and no work tree changes.

    Raises SetupError when the name is none, the branch exists, there is no repository, or nothing was kept,
    and LedgerError when the log is damaged, or names another best than the repository.
    """
    source = BareRepo(folder / "repo.git")
    best, said = source.refs().get(BEST), read_standing(folder).state.best
    if best != said:
        problem = f"{BEST} points to {best or 'nothing'}, the log says {said or 'nothing'}"
        raise LedgerError(problem, remedy="see 'autoresearch audit verify'")
    if best is None:
        raise SetupError(f"{folder.name} has kept nothing", remedy="let it run until something is kept")
    git = _Git(repository)
    git("rev-parse", "--git-dir", problem=f"{repository} is not a git repository")
    ref = f"refs/heads/{name}"
    if name.startswith("-") or not git.succeeds("check-ref-format", ref):
        raise SetupError(f"{name!a:.80} is not a branch name", remedy="choose a plain name, such as night-7")
    if git.succeeds("show-ref", "--verify", "--quiet", ref):
        raise SetupError(f"the branch {name} exists in {repository}", remedy="choose another --branch")
    git(*_FETCH, str(source.folder), BEST, problem=f"the commits cannot be brought to {repository}")
    git("update-ref", "--no-deref", ref, best, "0" * len(best), problem=f"the branch {name} cannot be made")
    count = git("rev-list", "--count", best, problem="the commits cannot be counted")
    return Exported(name, best, int(count))


class _Git:
    """The user's git in the user's repository, with its configuration but without its hooks."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    def __call__(self, *arguments: str, problem: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise SetupError(f"{problem}: {lines[0]:.200}", remedy="mend that, then export again")
        return done.stdout.decode().strip()

    def succeeds(self, *arguments: str) -> bool:
        return self._run(*arguments).returncode == 0

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Variables that point git at another repository do not count."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        try:
            return subprocess.run(  # noqa: S603 - a fixed program; arguments are ours or the user's
                ["git", "-C", str(self._repository), *_FLAGS, *arguments],  # noqa: S607 - the user's git
                capture_output=True,
                check=False,
                timeout=_SECONDS,
                stdin=subprocess.DEVNULL,
                env={**environment, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
            )
        except FileNotFoundError:
            raise SetupError("git is not installed", remedy="apt-get install git") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupError(f"git did not end: {error}", remedy="look at the repository") from None
