"""A hostile program: one file whose header says what it tries, what must stop it, and how that shows.

    What it tries, as one sentence.

    layer: what must stop it
    stopped: how that shows, such as `errno EPERM` (see expectation.py)
    stopped runsc: the same under gVisor, where it differs
    control: what is taken away so that it succeeds, such as `lift seccomp` (see controls.py)

and, where needed, `container: model` (the attack is in build_model, not in main), `framework: yes` (it
needs torch), `deadline: soon`, and for texts that attack the host `title:`, `log:` or `path:` in JSON.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import SetupError
from orchestrator.proving.controls import Control, read_control
from orchestrator.proving.expectation import Expectation, read_expectation

GROUPS = ("network", "files", "kernel", "resources", "time", "results", "crosstalk", "host")
SHARED = ("probe.py", "naive.py")
_KEYS = frozenset(
    {"layer", "stopped", "stopped runsc", "control", "container", "framework", "deadline", "title", "path"}
)


@dataclass(frozen=True, slots=True)
class Program:
    """One file of the suite. `source` runs as candidate code, in the container that `container` names."""

    group: str
    name: str
    source: str
    tries: str
    layer: str
    expected: Mapping[str, Expectation]
    control: Control
    container: Literal["train", "model"] = "train"
    framework: bool = False
    hurried: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def again(self) -> bool:
        """Whether it runs twice, and is judged by what the second run found of the first."""
        return self.control.kind == "same container"

    @property
    def gated(self) -> bool:
        """Whether it attacks the gate, which is off for all others."""
        return any(expected.kind == "refused" for expected in self.expected.values())


def load_programs(folder: Path, groups: Sequence[str] = ()) -> list[Program]:
    """Every program of the groups named, or of all. Raises SetupError for a header that is not sound."""
    unknown = set(groups) - set(GROUPS)
    if unknown:
        raise SetupError(f"there is no group {sorted(unknown)[0]!r}", remedy=f"one of {', '.join(GROUPS)}")
    wanted = [group for group in GROUPS if group in groups or not groups]
    paths = [path for group in wanted for path in sorted((folder / group).glob("*.py"))]
    if not paths:
        raise SetupError(f"there are no programs in {folder}", remedy="run it in a checkout of the project")
    return [read_program(path) for path in paths]


def read_program(path: Path) -> Program:
    """One program by its header. Raises SetupError that names the file and the line at fault."""
    try:
        source = path.read_text(encoding="utf-8")
        tries, fields = _header(ast.get_docstring(ast.parse(source)) or "")
        return _program(path, source, tries, fields)
    except (OSError, SyntaxError, ValueError, KeyError, RecursionError, MemoryError) as error:
        raise SetupError(f"{path}: {error}", remedy="see orchestrator/proving/program.py") from None


def _header(docstring: str) -> tuple[str, dict[str, str]]:
    tries, _, rest = docstring.partition("\n\n")
    fields: dict[str, str] = {}
    for line in rest.splitlines():
        key, colon, value = line.partition(":")
        if not colon or key not in _KEYS or key in fields:
            raise ValueError(f"the header has no place for {line!r}")
        fields[key] = value.strip()
    return " ".join(tries.split()), fields


def _program(path: Path, source: str, tries: str, fields: Mapping[str, str]) -> Program:
    stopped = read_expectation(fields["stopped"])
    if stopped.kind == "emulated":
        raise ValueError("only gVisor emulates")
    gvisor = read_expectation(fields["stopped runsc"]) if "stopped runsc" in fields else stopped
    container: Any = fields.get("container", "train")
    if container not in {"train", "model"} or not tries:
        raise ValueError("the header needs a sentence, and a container that is train or model")
    return Program(
        group=path.parent.name,
        name=path.stem,
        source=source,
        tries=tries,
        layer=fields["layer"],
        expected={"runc": stopped, "runsc": gvisor},
        control=read_control(fields["control"]),
        container=container,
        framework=fields.get("framework") == "yes",
        hurried=fields.get("deadline") == "soon",
        texts={key: str(json.loads(fields[key])) for key in ("title", "path") if key in fields},
    )
