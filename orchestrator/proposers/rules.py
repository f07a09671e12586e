"""The rules in force, in plain words: everything that refuses an edit, and what an experiment is."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.policy import BudgetPolicy, EditPolicy
from orchestrator.records import Direction, Measure

_BETTER = {Direction.MINIMIZE: "lower", Direction.MAXIMIZE: "higher"}


def rules_of(
    edit: EditPolicy,
    budget: BudgetPolicy,
    measure: Measure,
    *,
    entry_file: str,
    entry_points: Mapping[str, int],
    device: str,
) -> str:
    """One rule a line."""
    points = ", ".join(f"{name} ({count} arguments)" for name, count in entry_points.items())
    rules = [
        f"You may edit only: {', '.join(edit.files)}. Any other path is refused.",
        f"{entry_file} must go on defining, at module level: {points}.",
        f"A file has up to {edit.max_file_kib} KiB. An edit changes up to {edit.max_changed_lines} lines, "
        "added and removed ones together.",
        "A file must parse as Python, without hidden characters and without names that mix alphabets.",
        "Refused: an edit that changes nothing but layout, comments or a seed. Seeds come from the host.",
        "Refused: an edit that leads to files that were tried before.",
        *(f"Refused imports: {', '.join(names)}." for names in [edit.forbidden_imports] if names),
        *(f"Refused calls (* matches anything): {', '.join(names)}." for names in [edit.forbidden_calls] if names),
        *_smoke_rules(budget),
        f"Each experiment trains for {budget.train_seconds:g} seconds of wall-clock time, the last "
        f"{budget.save_seconds:g} of them for saving; the device is a {device.upper()}.",
        f"The metric is {measure.name} in {measure.unit}; {_rule_of(measure)}",
        "The program runs in a sealed container without a network. Nothing can be installed.",
    ]
    return "\n".join(f"- {rule}" for rule in rules)


def _smoke_rules(budget: BudgetPolicy) -> list[str]:
    if not budget.smoke:
        return []
    return [
        f"Refused: what does not take two tiny steps, save and load again within {budget.smoke_seconds:g} "
        "seconds on a CPU."
    ]


def _rule_of(measure: Measure) -> str:
    better = f"{_BETTER[measure.direction]} is better"
    if not measure.verified:
        return f"{better}. The program reports it\n  itself: {measure.name!r} among the stats that it saves."
    return f"""{better}. The host measures it on data that the program
  never sees; numbers that the program prints decide nothing."""


def noise_in_words(noise: float | None, unit: str) -> str:
    """How much luck is in one run, and which gains are none."""
    if noise is None:
        return "How much two runs of one source differ by luck is not measured yet."
    least = 2 * 2**0.5 * noise
    return (
        f"One run scatters by {noise:.2g} {unit} (standard deviation over seeds). Between two single runs, gains "
        f"below {least:.2g} cannot be told from luck."
    )
