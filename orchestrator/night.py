"""One night on this machine: its record, its rig and the loop, whoever proposes."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any

from orchestrator import assembly, researchers
from orchestrator.assembly import Bench, Rig
from orchestrator.budget import Budget, Interrupts
from orchestrator.data import Prepared
from orchestrator.errors import ProposalsExhausted, SetupError
from orchestrator.lab import Lab
from orchestrator.ledger.disk import write_whole
from orchestrator.ledger.folder import POLICY, Origin, Step
from orchestrator.ledger.git import GitLedger
from orchestrator.loop import run_night
from orchestrator.patience import Patience
from orchestrator.pipeline import Pipeline
from orchestrator.policy import PipelinePolicy, Policy
from orchestrator.policy.watch import PolicyWatch
from orchestrator.ports import Proposer, Watcher
from orchestrator.preparation import Preparation, Untried
from orchestrator.proposers.mailbox import Mailbox
from orchestrator.researchers import Notes, renewed
from orchestrator.sandbox.host_versions import read_host_versions
from orchestrator.story import FLAGS_EVENT
from orchestrator.views.console import Console
from orchestrator.views.journal import Journal
from orchestrator.views.live import Front, watching
from orchestrator.views.live_scene import Moment, Terms
from orchestrator.views.several import Several

AT_LEISURE = PipelinePolicy(fill_after_seconds=86_400)
"""For a proposer whom nobody hurries: the card waits for it, and does nothing else meanwhile."""
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Night:
    """What a night is made of.

    `filling` says what the card does while nothing is proposed, `loosen` whether a run may go on with a
    looser policy. `began` is set when its first event is in the record; `notes` are its proposer's.
    """

    bench: Bench
    tag: str
    data: Prepared
    proposer: Proposer
    budget: Budget
    filling: PipelinePolicy
    loosen: bool = False
    began: Event = field(default_factory=Event)
    notes: Notes | None = None

    @property
    def folder(self) -> Path:
        return self.bench.settings.runs / self.tag

    def under(self, policy: Policy) -> Night:
        """The rest of it, by another policy."""
        bench = replace(self.bench, policy=policy)
        proposer = renewed(bench, self.proposer, self.tag, self.notes) if self.notes else self.proposer
        filling = self.filling if self.filling is AT_LEISURE else policy.pipeline
        return replace(self, bench=bench, proposer=proposer, filling=filling)


def checked_tag(tag: str) -> str:
    """The tag, if it is a plain name. Raises SetupError."""
    if not _TAG.fullmatch(tag):
        raise SetupError(f"{tag!r} is not a tag", remedy="use a-z, 0-9 and -, at most 32 characters")
    return tag


@contextmanager
def open_record(night: Night, at: Step = lambda _: None) -> Iterator[GitLedger]:
    """The run's ledger, made or taken up again. Raises SetupError when it is in use, or of something else."""
    assembly.check_room(night.folder)
    with GitLedger(night.folder, _origin(night), at=at) as ledger:
        yield ledger


class PolicyTightened(Exception):  # noqa: N818 - the user's doing, and no error
    """The policy's file says something tighter, which takes effect at the next attempt."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy


def spend(night: Night, ledger: GitLedger, console: Console, *others: Watcher) -> None:
    """Spend the night's budget; everything that happened is in the ledger, and no container is left."""
    console.say(_greeting(night.bench, night.tag))
    with (
        (night.folder / "orchestrator.log").open("a", encoding="utf-8", buffering=1) as log,
        Interrupts(night.budget, console.say_at_once),
    ):
        watcher = Several((Journal(log), *others))
        watch = _policy_watch(night, ledger, console)
        sitting: Night | None = night
        while sitting:
            sitting = _sit(sitting, ledger, console, watcher, watch)
    ledger.record("night_ended", reason=night.budget.why_ended)


def _policy_watch(night: Night, ledger: GitLedger, console: Console) -> PolicyWatch | None:
    def keep(policy: Policy) -> None:
        write_whole(night.folder / POLICY, policy.to_yaml().encode())

    path = night.bench.policy_path
    return PolicyWatch(path, night.bench.policy, ledger.record, console.say, keep) if path else None


def _sit(
    night: Night, ledger: GitLedger, console: Console, watcher: Watcher, watch: PolicyWatch | None
) -> Night | None:
    """Go on under one policy until the budget is spent, or the policy is tightened: then the night to go on
    with."""
    bench, tighter = night.bench, None

    def check_policy() -> None:
        if watch and (policy := watch.latest()):
            raise PolicyTightened(policy)

    with (
        assembly.open_rig(bench, night.tag, night.data, console.say) as rig,
        _shown(night, rig, ledger, console) as front,
    ):
        if not night.began.is_set():
            circumstances = _circumstances(bench, night.data.sha256, night.proposer.name)
            ledger.record("night_began", **circumstances)
            night.began.set()
        ledger.record(FLAGS_EVENT, image=bench.outfit.image, **rig.flags)
        told, asked = Several((front.watcher, watcher)), replace(rig, gates=(*rig.gates, *front.gates))
        with _pipeline(night, asked, ledger, told, check_policy) as pipeline:
            try:
                run_night(_lab(bench, rig, pipeline), night.budget)
            except ProposalsExhausted as end:
                night.budget.stop(end.message)
                console.say(str(end))
            except PolicyTightened as tightened:
                night.budget.give_back()
                tighter = tightened.policy
                if isinstance(night.proposer, Mailbox):
                    night.proposer.send_away()
    if tighter is None:
        return None
    ledger.take_up_again()  # not before the background has ended, which may still close some
    return night.under(tighter)


def _shown(night: Night, rig: Rig, ledger: GitLedger, console: Console) -> AbstractContextManager[Front]:
    """What people see of it: the live screen on a terminal, else plain lines."""
    bench, budget = night.bench, night.budget
    memory_mib = bench.grant.gpu.memory_mib if bench.grant.gpu else 0
    terms = Terms(bench.policy.budget.train_seconds, _device(bench), bench.measure, memory_mib)

    def moment() -> Moment:
        return Moment(time.monotonic(), rig.sandbox.went, budget.seconds_left, budget.slots_left)

    return watching(console, terms, ledger.history, moment)


def _pipeline(
    night: Night, rig: Rig, ledger: GitLedger, watcher: Watcher, before_each: Callable[[], None]
) -> Pipeline:
    bench, budget, policy = night.bench, night.budget, night.bench.policy
    await_engine = partial(bench.engine.await_answer, policy.budget.outage_seconds)
    preparation = Preparation(
        night.proposer,
        (Untried(ledger), *rig.gates),
        ledger,
        policy.decision,
        watcher,
        Patience(policy.budget.faults_in_a_row, ledger.record, await_engine),
        refusals_in_a_row=policy.budget.refusals_in_a_row,
        repairs=policy.repair.attempts,
    )
    return Pipeline(
        preparation,
        bench.task.read_files(),
        night.filling,
        researchers.choose_spares(bench, night.proposer, night.tag),
        best_runs=policy.decision.baseline_runs,
        wants_more=lambda: not budget.why_ended,
        before_each=before_each,
    )


def _lab(bench: Bench, rig: Rig, pipeline: Pipeline) -> Lab:
    made = pipeline.preparation
    return Lab(
        pipeline, rig.sandbox, rig.scorer, made.ledger, bench.policy.decision, made.patience, made.watcher
    )


def _origin(night: Night) -> Origin:
    task, policy, measure = night.bench.task, night.bench.policy, night.bench.measure
    release, loosen = version("autoresearch-sandbox"), night.loosen
    return Origin(task.name, task.read_files(), policy.digest, release, {}, measure, policy, loosen=loosen)


def _circumstances(bench: Bench, data_sha256: str, proposer: str) -> dict[str, Any]:
    card = bench.grant.gpu
    return {
        "proposer": proposer,
        "engine": dataclasses.asdict(bench.facts),
        "versions": dataclasses.asdict(read_host_versions(bench.facts.kernel)),
        "image": bench.outfit.image,
        "gpu": dataclasses.asdict(card) if card else None,
        "data_sha256": data_sha256,
        "policy_digest": bench.policy.digest,
    }


def _greeting(bench: Bench, tag: str) -> str:
    seconds = bench.policy.budget.train_seconds
    digest = bench.policy.digest[:12]
    return f"run {tag}: {bench.task.name}, {seconds:g} s an attempt on {_device(bench)}, policy {digest}"


def _device(bench: Bench) -> str:
    return bench.grant.gpu.name if bench.grant.gpu else f"the processor, {bench.outfit.cpus:g} cores"
