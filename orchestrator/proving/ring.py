"""The sandboxes that programs run in: the product's own, at a size at which a suite is quick.

What is made smaller are amounts alone (memory, scratch, output, time). How each is enforced is the
policy's in force, and what the engine made of it is attested for every container as in any run.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace

from orchestrator.policy import BudgetPolicy, MetricPolicy, Policy, SandboxPolicy
from orchestrator.records import Action, Attempt, Experiment, Score, Verdict
from orchestrator.sandbox.container import Outfit
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import Engine
from orchestrator.sandbox.order import Shape
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import HeldOut

ROW_TOKENS = 64
ROWS = 32
BATCH_ROWS = 8
SMALL = {
    "memory_mib": 768,
    "shm_mib": 32,
    "tmp_mib": 32,
    "work_mib": 64,
    "output_mib": 16,
    "output_files": 64,
    "open_files": 256,
    "log_kib": 64,
}
PIDS = {"runc": 256, "runsc": 1024}  # gVisor counts the threads of its own there, and no guest's
PATIENT = {"train_seconds": 20.0, "save_seconds": 1.0, "grace_seconds": 0.5, "smoke": False}
HURRIED = PATIENT | {"train_seconds": 2.0}


def made_small(policy: Policy) -> Policy:
    """The policy with every amount at most the suite's; nothing is made larger."""
    sandbox: SandboxPolicy = policy.sandbox
    caps = SMALL | {"pids": PIDS[sandbox.runtime]}
    small = {name: min(getattr(sandbox, name), cap) for name, cap in caps.items()}
    metric = {"frame_seconds": 5.0, "load_seconds": 30.0, "score_seconds": 30.0, "challenge_cuts": 64}
    return policy.model_copy(
        update={
            "sandbox": sandbox.model_copy(update=small),
            "metric": policy.metric.model_copy(
                update={name: min(getattr(policy.metric, name), cap) for name, cap in metric.items()}
            ),
        }
    )


@dataclass(frozen=True, slots=True)
class Corner:
    """One sandbox with its scorer and the budget that it runs under."""

    sandbox: DockerSandbox
    scorer: ClaimsScorer
    budget: BudgetPolicy

    def examine(self, attempt: Attempt) -> Experiment:
        """Run and score an attempt that no gate has looked at."""
        experiment = Experiment(attempt, Verdict(), self.sandbox.run(attempt))
        run = experiment.run
        if run is None or not run.completed:
            return experiment
        score: Score = self.scorer.score(run, lambda _: Action.REPEAT)
        return replace(experiment, score=score)


class Ring:
    """Gives the sandbox that a program needs, with or without the framework, patient or hurried.

    Use as a context manager: leaving it leaves no container behind.
    """

    def __init__(self, engine: Engine, outfit: Outfit, policy: Policy, held_out: HeldOut) -> None:
        self._engine = engine
        self._outfit = outfit
        self._policy = policy
        self._held_out = held_out
        self._corners: dict[tuple[bool, bool], Corner] = {}
        self._open = ExitStack()

    def __enter__(self) -> Ring:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def corner(self, *, framework: bool, hurried: bool) -> Corner:
        key = (framework, hurried)
        if key not in self._corners:
            budget = self._policy.budget.model_copy(update=HURRIED if hurried else PATIENT)
            self._corners[key] = self._made(budget, self._policy.metric, framework)
        return self._corners[key]

    def _made(self, budget: BudgetPolicy, metric: MetricPolicy, framework: bool) -> Corner:
        shape = Shape("train.py", ROW_TOKENS, self._outfit.grant.device if framework else "cpu")
        outfit = replace(self._outfit, framework=framework)
        sandbox = self._open.enter_context(DockerSandbox(self._engine, outfit, shape, budget, metric))
        return Corner(sandbox, ClaimsScorer(sandbox, self._held_out, metric), budget)
