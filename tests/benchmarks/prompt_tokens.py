"""What the prompts of a night cost in tokens, at three sizes of the context, and how long they take to build.

    python -m tests.benchmarks.prompt_tokens [--attempts 100] [--json]

The history is synthetic: edits to the task's own train.py of the kinds that models propose, 18 per cent kept,
5 crashed, 4 refused. The prompts are the default policy's, for every attempt of the night, with lessons of
full length from the first rewrite on. `cacheable_share` is the part that is word for word the beginning of
the prompt before, which many endpoints charge less for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from orchestrator.policy import load_policy
from orchestrator.proposers.notebook import Notebook
from orchestrator.proposers.prompt import PromptBuilder
from orchestrator.proposers.tokens import count_tokens, counts_exactly
from orchestrator.records import Action, History, Measure
from orchestrator.task import load_task
from orchestrator.testing import MemoryLedger
from tests.proposers.edits_of_a_night import night

ROOT = Path(__file__).parents[2]
SIZES = (16_000, 60_000, 200_000)
LARGE = 10_000
LESSON = "Attempts with a wider MLP lost 0.002 to 0.004; the time for it is missing elsewhere.\n"


@dataclass(frozen=True)
class Sent:
    """One prompt of the night."""

    text: str
    tokens: int
    cut: tuple[str, ...]
    rows_left_out: int


def builder(size: int) -> PromptBuilder:
    policy, task = load_policy(ROOT / "policies" / "default.yaml"), load_task(ROOT / "train_template")
    return PromptBuilder(
        agenda=task.read_agenda(),
        edit=policy.edit,
        entry_file=task.entry_file,
        entry_points=task.entry_points,
        budget=policy.budget,
        model=policy.model.model_copy(update={"prompt_tokens": size}),
        device="gpu",
    )


def as_of(past: History, count: int) -> History:
    """The night when so many attempts were closed."""
    entries = past.entries[:count]
    best = next(entry for entry in reversed(entries) if entry.action is Action.KEEP)
    return replace(
        past, entries=entries, best_files=best.files, best_value=best.value, best_number=best.number
    )


def sent(past: History, size: int) -> list[Sent]:
    """A prompt for each attempt after the baseline."""
    made, prompts = builder(size), []
    lessons = LESSON * (made.model.lessons_tokens // count_tokens(LESSON))
    for count in range(1, len(past.entries)):
        learned = lessons if count >= made.model.lessons_every else ""
        prompt = made.build(as_of(past, count), learned)
        text = "".join(message.content for message in prompt.messages)
        prompts.append(Sent(text, count_tokens(text), prompt.cut, prompt.rows_left_out))
    return prompts


def cacheable(prompts: list[Sent]) -> int:
    """Tokens of all that is the beginning of the prompt before, too."""
    return sum(count_tokens(_beginning(one.text, two.text)) for one, two in pairwise(prompts))


def _beginning(one: str, two: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))
    return one[: sum(1 for _ in same)]


def rewriting(past: History) -> int:
    """Tokens of the requests for lessons."""
    model = load_policy(ROOT / "policies" / "default.yaml").model
    book, total = Notebook(model, Measure(), MemoryLedger({}).record), 0
    for count in range(1, len(past.entries)):
        if book.due(as_of(past, count)):
            total += sum(count_tokens(message.content) for message in book.request(as_of(past, count)))
            book.take(LESSON)
    return total


def milliseconds(size: int, past: History) -> float:
    """Processor time of building one prompt, the median of five, the encoding loaded before."""
    made, took = builder(size), []
    for _ in range(5):
        started = time.thread_time()
        made.build(past, LESSON)
        took.append(1000 * (time.thread_time() - started))
    return statistics.median(took)


def measured(attempts: int) -> dict[str, Any]:
    past, large = night(attempts), night(LARGE)
    return {
        "attempts": attempts,
        "counted": "o200k_base" if counts_exactly() else "estimated",
        "lessons_requests_tokens": rewriting(past),
        "sizes": {size: _of_size(size, past, large) for size in SIZES},
    }


def _of_size(size: int, past: History, large: History) -> dict[str, Any]:
    prompts = sent(past, size)
    tokens = [each.tokens for each in prompts]
    return {
        "first": tokens[0],
        "last": tokens[-1],
        "mean": round(statistics.mean(tokens)),
        "night": sum(tokens),
        "cacheable_share": round(cacheable(prompts) / sum(tokens), 3),
        "cut_in_the_last": list(prompts[-1].cut),
        "rows_left_out_in_the_last": prompts[-1].rows_left_out,
        "build_ms": round(milliseconds(size, past), 1),
        f"build_ms_at_{LARGE}": round(milliseconds(size, large), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--attempts", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    result = measured(chosen.attempts)
    sys.stdout.write(json.dumps(result, indent=2) if chosen.json else in_words(result))
    sys.stdout.write("\n")


def in_words(result: dict[str, Any]) -> str:
    """The same, one line a size."""
    lines = [
        f"{result['attempts']} attempts, tokens {result['counted']}",
        f"requests for lessons: {result['lessons_requests_tokens']} tokens",
    ]
    for size, row in result["sizes"].items():
        lines.append(f"{size}: {', '.join(f'{name} {value}' for name, value in row.items())}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
