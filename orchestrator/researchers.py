"""Who proposes: the model, with what it is told and may cost; the tuner; a replay; and who stands in."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.assembly import Bench
from orchestrator.budget import Budget
from orchestrator.errors import SetupError
from orchestrator.policy import ModelPolicy, Policy, load_policy
from orchestrator.ports import Proposer
from orchestrator.proposers.combiner import Combiner
from orchestrator.proposers.notebook import Notebook
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proposers.relay import Relay
from orchestrator.proposers.replay import ReplayProposer
from orchestrator.proposers.spending import Estimate, expect
from orchestrator.proposers.tokens import count_tokens
from orchestrator.records import History, Usage
from orchestrator.settings import Model, Settings
from orchestrator.task import Task, load_task

if TYPE_CHECKING:
    from orchestrator.proposers.endpoint import Endpoint
    from orchestrator.proposers.openai import OpenAIProposer
    from orchestrator.proposers.rotation import Rotation


NOTHING_YET = Usage()


@dataclass(frozen=True, slots=True)
class Notes:
    """Where proposers say something to the user, record something, and read their last lessons."""

    say: Callable[[str], Any]
    record: Callable[..., None]
    lessons: Callable[[], Mapping[str, Any] | None] = lambda: None


def choose_proposer(bench: Bench, wanted: str, tag: str, notes: Notes) -> Proposer:
    """`auto` is the model when there is one to ask, else the tuner, and says so.

    Raises SetupError for a name that is none, or a model that is not set up, or over a cap with its first
    request.
    """
    settings, task = bench.settings, bench.task
    if wanted == "auto":
        wanted = "openai" if settings.has_model else "tuner"
        if wanted == "tuner":
            notes.say("no OPENAI_API_KEY and no OPENAI_BASE_URL: the tuner proposes")
    if wanted == "tuner":
        return tuner_of(bench, tag)
    kind, _, folder = wanted.partition(":")
    if kind == "replay" and folder:
        return ReplayProposer(Path(folder), task.entry_file)
    if wanted == "openai":
        first = max((each.one for each in _estimates(bench)), key=lambda one: one.dollars or 0.0)
        return _relay(bench, tag, notes, first)
    raise SetupError(f"there is no proposer {wanted!r}", remedy="one of auto, openai, tuner, replay:FOLDER")


def renewed(bench: Bench, proposer: Proposer, tag: str, notes: Notes) -> Proposer:
    """The proposer under the bench's policy, where it goes by one; a cap that is reached is no error."""
    if not isinstance(proposer, Relay):
        return proposer
    return _relay(bench, tag, notes).goes_on_from(proposer)


def _relay(bench: Bench, tag: str, notes: Notes, expected: Usage = NOTHING_YET) -> Relay:
    notebook = Notebook(bench.policy.model, bench.measure, notes.record, notes.lessons)
    prompt = _prompt(bench.policy, bench.task, bench.device_kind)
    model = _model_proposer(bench.settings, bench.policy, prompt, notebook)
    return Relay(model, tuner_of(bench, tag), bench.policy.model, time.monotonic, notes.record, expected)


def tuner_of(bench: Bench, tag: str) -> Proposer:
    """Another run tries other changes; the same run, resumed, the same."""
    from orchestrator.proposers.tuner import ConstantTuner

    gpu, task = bench.profile_name != "cpu", bench.task
    seed, direction = zlib.crc32(tag.encode()), task.metric.direction
    return ConstantTuner(entry_file=task.entry_file, gpu=gpu, seed=seed, direction=direction)


def choose_spares(bench: Bench, proposer: Proposer, tag: str) -> tuple[Proposer, ...]:
    """Who proposes while a model has not answered yet."""
    if not isinstance(proposer, Relay):
        return ()
    return Combiner(bench.measure.direction), tuner_of(bench, f"spare {tag}")


def say_estimate(bench: Bench, proposer: Proposer, budget: Budget, say: Callable[[str], Any]) -> None:
    """What a model may cost within the budget, one request a slot; nothing of another proposer."""
    if isinstance(proposer, Relay):
        estimates = _estimates(bench)
        slots = budget.most_slots(bench.policy.budget.train_seconds) / len(estimates)
        for estimate in estimates:
            for line in estimate.lines(bench.policy.model, slots):
                say(line)


def _estimates(bench: Bench) -> list[Estimate]:
    """One for each model, from the first prompt. Raises SetupError when one request is over a cap."""
    prompt = _prompt(bench.policy, bench.task, bench.device_kind)
    messages = prompt.messages(History(bench.task.read_files(), None))
    tokens = sum(count_tokens(message.content) for message in messages)
    return [expect(model.name, tokens, bench.policy.model) for model in bench.settings.models]


def _model_proposer(
    settings: Settings, policy: Policy, prompt: PromptBuilder, notebook: Notebook | None = None
) -> OpenAIProposer | Rotation:
    from orchestrator.proposers.openai import OpenAIProposer
    from orchestrator.proposers.rotation import Rotation

    endpoints = endpoints_of(settings, policy.model)
    proposers = [
        OpenAIProposer(place, prompt, name=f"openai:{place.model}", notebook=notebook) for place in endpoints
    ]
    return Rotation(proposers) if proposers[1:] else proposers[0]


def endpoints_of(settings: Settings, policy: ModelPolicy) -> list[Endpoint]:
    """One for each model, in order. Raises SetupError when there is no model to ask."""
    if not settings.has_model:
        raise SetupError("there is no model to ask", remedy="set OPENAI_API_KEY, or use --proposer tuner")
    return [_endpoint(settings, policy, model) for model in settings.models]


def _endpoint(settings: Settings, policy: ModelPolicy, model: Model) -> Endpoint:
    from orchestrator.proposers.endpoint import Endpoint
    from orchestrator.proposers.ollama import held_for

    base_url = model.base_url or settings.base_url
    return Endpoint(
        model=model.name,
        api_key=settings.key_of(base_url),
        base_url=base_url,
        max_output_tokens=policy.output_tokens,
        total_seconds=settings.model_seconds,
        reasoning_effort=settings.reasoning_effort,
        temperature=settings.temperature,
        keep_alive=held_for(settings.keep_alive, base_url),
    )


def check_model(settings: Settings, policy_path: Path, task_folder: Path) -> None:
    """Ask each model one word. Raises SetupError or ProposerError with the remedy."""
    policy, task = load_policy(policy_path), load_task(task_folder)
    _model_proposer(settings, policy, _prompt(policy, task, "cpu")).check()


def rules_of(bench: Bench) -> str:
    """What is in force for a proposer, in plain words."""
    return _prompt(bench.policy, bench.task, bench.device_kind).rules()


def _prompt(policy: Policy, task: Task, device: str) -> PromptBuilder:
    return PromptBuilder(
        agenda=task.read_agenda(),
        edit=policy.edit,
        entry_file=task.entry_file,
        entry_points=task.entry_points,
        measure=task.measure(policy.metric),
        budget=policy.budget,
        model=policy.model,
        device=device,
    )
