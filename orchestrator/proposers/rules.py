"""The rules in force, in plain words: everything that refuses an edit, and what an experiment is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.policy import BudgetPolicy, EditPolicy
from orchestrator.records import Direction, Measure

_BETTER = {Direction.MINIMIZE: "lower", Direction.MAXIMIZE: "higher"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """What refuses an edit, and what an experiment is."""

    edit: EditPolicy
    budget: BudgetPolicy
    measure: Measure
    entry_file: str
    entry_points: Mapping[str, int]
    device: str

    def in_words(self) -> str:
        """One rule a line."""
        rules = [*self._of_edits(), *self._of_names(), *self._of_experiments()]
        return "\n".join(f"- {rule}" for rule in rules)

    def _of_edits(self) -> list[str]:
        edit = self.edit
        points = ", ".join(f"{name} ({count} arguments)" for name, count in self.entry_points.items())
        return [
            f"You may edit only: {', '.join(edit.files)}. Any other path is refused.",
            *(
                f"In {path} only these top-level names: {', '.join(names)}."
                for path, names in edit.scopes.items()
            ),
            f"{self.entry_file} must go on defining, at module level: {points}.",
            f"A file has up to {edit.max_file_kib} KiB, all together up to {edit.max_total_kib}.",
            f"An edit changes up to {edit.max_changed_lines} lines, added and removed ones together.",
            self._of_data(),
            "A file must parse as Python, without hidden characters and without names that mix alphabets.",
            "Refused: an edit of nothing but layout, comments or a seed. Seeds come from the host.",
            "Refused: an edit that leads to files that were tried before.",
        ]

    def _of_data(self) -> str:
        edit = self.edit
        return (
            f"Refused: lines above {edit.max_line_characters} characters, literals above "
            f"{edit.max_string_characters}, encoded text above {edit.max_opaque_characters}, tables above "
            f"{edit.max_table_numbers} numbers, nesting above {edit.max_depth}, more than {edit.max_tokens} "
            "words and signs in all."
        )

    def _of_names(self) -> list[str]:
        allowed = self.edit.allowed_imports
        refused = {
            "imports": self.edit.forbidden_imports,
            "calls (* matches anything)": self.edit.forbidden_calls,
        }
        return [
            *(
                [f"Allowed imports, all others but the task's own are refused: {', '.join(allowed)}."]
                if allowed
                else []
            ),
            *(f"Refused {what}: {', '.join(names)}." for what, names in refused.items() if names),
        ]

    def _of_experiments(self) -> list[str]:
        budget, measure = self.budget, self.measure
        smoke = f"two tiny steps, saving and loading again, within {budget.smoke_seconds:g} seconds on a CPU"
        train = (
            f"{budget.train_seconds:g} seconds of wall-clock time, {budget.save_seconds:g} of them for saving"
        )
        return [
            *([f"Refused: what does not manage {smoke}."] if budget.smoke else []),
            f"Each experiment trains for {train}; the device is a {self.device.upper()}.",
            f"The metric is {measure.name} in {measure.unit}; {_rule_of(measure)}",
            "The program runs in a sealed container without a network. Nothing can be installed.",
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
        f"One run scatters by {noise:.2g} {unit} (standard deviation over seeds). Between two single runs, "
        f"gains below {least:.2g} cannot be told from luck."
    )
