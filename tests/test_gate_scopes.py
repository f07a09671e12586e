"""Several files and folders, and scopes within a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.gate import MAX_OBJECTIONS, PolicyGate
from orchestrator.ledger.paths import committable
from orchestrator.lint.paths import may_be_written
from orchestrator.policy import EditPolicy, load_policy
from orchestrator.records import Attempt, Files, Proposal
from tests.gate_parts import BASE, EDIT, objections_to, review_files, template

WIDE = EDIT.model_copy(update={"files": ["train.py", "models/", "lib/blocks/"]})
FILES: Files = {"train.py": BASE, "models/attention.py": "WIDTH = 3\n", "models/__init__.py": ""}


def codes(files: Files, edit: EditPolicy = WIDE, base: Files = FILES) -> list[str]:
    return [objection.code for objection in review_files(edit, files, base)]


@pytest.mark.parametrize(
    "path", ["models/attention.py", "models/new.py", "models/deep/er/new.py", "lib/blocks/mlp.py", "train.py"]
)
def test_files_in_allowed_folders_may_change_and_be_new(path: str) -> None:
    text = BASE.replace("0.1", "0.2") if path == "train.py" else "WIDTH = 4\n"
    assert codes({path: text}) == []


@pytest.mark.parametrize(
    "path",
    [
        "models/",
        "models",
        "models/x.txt",
        "models/x.PY",
        "Models/x.py",
        "models/../train2.py",
        "models//x.py",
        "models/./x.py",
        "models/.hidden.py",
        "models/a b.py",
        "models/con.py",
        "models/Aux/x.py",
        "models/m\u0430.py",
        "models/x.py\n",
        "models/x.py/y.py",
        "modelsx.py",
        "lib/blocks.py",
        "lib/x.py",
        "models/" + "d/" * 8 + "x.py",
        "models/" + "x" * 200 + ".py",
    ],
)
def test_everything_else_is_outside(path: str) -> None:
    assert codes({path: "x = 1\n", "train.py": BASE.replace("0.1", "0.2")}) == ["path"]
    assert not may_be_written(path, WIDE.files)


@pytest.mark.parametrize("path", ["models/x.py", "models/a/b/c/d/e/f/x.py", f"models/{'x' * 91}.py"])
def test_what_may_be_written_can_be_committed(path: str) -> None:
    assert may_be_written(path, WIDE.files)
    assert committable([path]) == {path}


def test_a_file_cannot_be_removed_but_it_can_be_emptied() -> None:
    assert codes({"models/attention.py": ""}) == []
    gone = {path: text for path, text in FILES.items() if path != "models/attention.py"}
    attempt = Attempt(2, Proposal("gone", gone), gone, seed=1, parent="a" * 40, base_files=FILES)
    (objection,) = PolicyGate(WIDE, "train.py", {}).review(attempt).objections
    assert (objection.code, objection.path) == ("missing", "models/attention.py")


def test_every_file_is_read_and_named() -> None:
    found = review_files(
        WIDE, {"models/new.py": "x = 1\nimport socket\n", "train.py": BASE + "eval('1')\n"}, FILES
    )
    assert [(each.code, each.path, each.line) for each in found] == [
        ("import", "models/new.py", 2),
        ("call", "train.py", 10),
    ]


def test_a_change_in_any_file_is_a_change_and_one_of_layout_in_all_is_none() -> None:
    assert codes({"models/attention.py": "WIDTH = 3  # wide\n", "train.py": BASE + "\n"}) == ["unchanged"]
    assert codes({"models/attention.py": "WIDTH = 4\n", "train.py": BASE + "\n"}) == []
    assert codes({"models/attention.py": "WIDTH = 3\nseed = 4\n"}) == ["seed"]


def test_changed_lines_and_sizes_are_counted_over_all_files() -> None:
    edit = WIDE.model_copy(update={"max_changed_lines": 5, "max_total_kib": 2})
    three = "a = 1\nb = 2\nc = 3\n"
    assert codes({"models/x.py": three}, edit) == []
    assert codes({"models/x.py": three, "models/y.py": three}, edit) == ["lines"]
    kib = "x = 1  # " + "y" * 990 + "\n"
    assert codes({"models/x.py": kib}, edit) == []
    assert codes({"models/x.py": kib, "models/y.py": kib, "models/z.py": kib}, edit) == ["size"]


def test_the_task_s_own_files_may_be_imported_whatever_the_list_says() -> None:
    edit = WIDE.model_copy(update={"allowed_imports": ["torch", "os.path"]})
    own = "from models.attention import WIDTH\nimport models\nimport harness\nfrom . import x\n"
    known = "from __future__ import annotations\nimport torch.nn as nn\nfrom os import path\nimport os.path\n"
    assert codes({"train.py": known + own + BASE}, edit) == []
    for line in (
        "import numpy",
        "import os",
        "from os import system",
        "import torchvision",
        "import harness2",
    ):
        (objection,) = review_files(edit, {"train.py": f"{line}\n{BASE}"}, FILES)
        assert (objection.code, objection.line) == ("import", 1)
        assert "torch, os.path" in objection.message


def test_a_forbidden_module_stays_forbidden_below_an_allowed_one() -> None:
    edit = WIDE.model_copy(update={"allowed_imports": ["torch"]})
    assert codes({"train.py": f"import torch.utils.cpp_extension\n{BASE}"}, edit) == ["import"]


SCOPED = """\
import math

WIDTH = 3
DEPTH: int = 4
A, B = 1, 2
if WIDTH:
    MODE = "x"


@property
def helper(x):
    return x


class Block:
    size = 1


def build_model(config):
    return config


def main():
    print(math.pi)
"""
SCOPE = ["build_model", "WIDTH", "A", "B", "EXTRA", "Block"]


def scope_objections(text: str, scope: list[str] = SCOPE) -> list[str]:
    edit = EDIT.model_copy(update={"scopes": {"train.py": scope}})
    return [str(each) for each in objections_to(text, base=SCOPED, edit=edit)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return config", "return dict(config)"),
        ("WIDTH = 3", "WIDTH = 4"),
        ("WIDTH = 3", "WIDTH: int = 4"),
        ("WIDTH = 3", "WIDTH = [n for n in range(3)][-1]"),
        ("A, B = 1, 2", "A = B = 2"),
        ("WIDTH = 3", "WIDTH = 3\nEXTRA = 5\nEXTRA += 1"),
        ("A, B = 1, 2\n", ""),
        ("    size = 1", "    size = 2\n\n    def grow(self):\n        self.size += 1"),
        ("print(math.pi)", "print( math.pi )  # round\nWIDTH = 9"),
        ("WIDTH = 3\n", "import numpy as EXTRA\nWIDTH = 3\n"),
    ],
)
def test_names_in_the_scope_may_change_be_added_and_go(old: str, new: str) -> None:
    assert scope_objections(SCOPED.replace(old, new)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("DEPTH: int = 4", "DEPTH: int = 5", "train.py:4: DEPTH was changed"),
        ("print(math.pi)", "print(math.e)", "train.py:23: main was changed"),
        ('MODE = "x"', 'MODE = "y"', "train.py:6: MODE was changed"),
        ("import math\n", "import math\nimport numpy as np\n", "train.py:2: np was added"),
        ("WIDTH = 3", "WIDTH = (DEPTH := 3)", "train.py:3: DEPTH, WIDTH was"),
        ("WIDTH = 3", "WIDTH = [n for n in [1] if (DEPTH := n)]", "train.py:3: DEPTH, WIDTH was"),
        ("WIDTH = 3", "WIDTH = helper.size = 3", "train.py:3: WIDTH was added"),
        ("WIDTH = 3", "WIDTH = 3\nprint(WIDTH)", "train.py:4: a statement without a name was added"),
        ("WIDTH = 3", "WIDTH = 3\nif WIDTH:\n    WIDTH = 5", "train.py:4: WIDTH was added"),
        ("return config", "global DEPTH\n    DEPTH = 1\n    return config", "build_model, DEPTH was"),
        (
            "def build_model(config)",
            "@register\ndef build_model(config, x=(DEPTH := 2))",
            "build_model, DEPTH was",
        ),
        ("DEPTH: int = 4\n", "", "DEPTH was removed or changed (line 4 of the best)"),
        ("@property\n", "", "helper was changed"),
        ("def main():", "def helper(x):\n    return x\n\n\ndef main():", "train.py:23: helper was"),
        ("WIDTH = 3\nDEPTH: int = 4", "WIDTH = 3\nWIDTH.x = 3\nDEPTH: int = 4", "without a name was added"),
    ],
)
def test_everything_else_must_stay_and_is_named_with_its_line(old: str, new: str, said: str) -> None:
    assert old in SCOPED
    found = scope_objections(SCOPED.replace(old, new, 1))
    assert any(said in each for each in found), found
    assert all(each.endswith("[scope]") for each in found)
    assert all(
        "only build_model, WIDTH, A, B, EXTRA, Block may be changed in train.py" in each for each in found
    )


def test_statements_that_changed_places_are_out_of_scope() -> None:
    start, _, end = SCOPED.partition("DEPTH: int = 4\n")
    (found,) = scope_objections(start + end + "DEPTH: int = 4\n")
    assert "statements were moved or repeated" in found


def test_an_empty_scope_leaves_a_file_as_it_is_and_the_message_says_so() -> None:
    (found,) = scope_objections(SCOPED.replace("WIDTH = 3", "WIDTH = 4"), scope=[])
    assert "WIDTH was changed: only nothing may be changed in train.py" in found


def test_a_scope_does_not_stop_the_baseline() -> None:
    edit = EDIT.model_copy(update={"scopes": {"train.py": ["WIDTH"]}})
    assert objections_to(template(), base=None, edit=edit) == ()


def test_many_statements_out_of_scope_are_compared_in_linear_time() -> None:
    many = BASE + "".join(f"x{number} = {number}\n" for number in range(3000))
    edit = EDIT.model_copy(update={"scopes": {"train.py": ["RATE"]}})
    found = objections_to(many.replace(" = 1", " = 2"), base=many, edit=edit)
    assert len(found) == MAX_OBJECTIONS


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("files: [models]", "'models' is not a plain relative path of a .py file or a folder/"),
        ("files: ['models/*.py']", "'models/*.py' is not a plain relative path"),
        ("files: ['/']", "is not a plain relative path"),
        ("files: ['./']", "is not a plain relative path"),
        ("files: ['../models/']", "is not a plain relative path"),
        ("files: ['models//']", "is not a plain relative path"),
        ("files: ['.git/']", "is not a plain relative path"),
        ("scopes: {model.py: [x]}", "scopes: 'model.py' is not one of the files that may change"),
        ("scopes: {train.py: [a.b]}", "scopes: 'a.b' is not a name of a program"),
        ("scopes: {train.py: WIDTH}", "edit.scopes.train.py: input should be a valid list"),
        ("allowed_imports: ['torch.*']", "'torch.*' is not the name of a module"),
        ("max_depth: 200", "edit.max_depth: input should be less than or equal to 90"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_with_key_and_reason(
    edit: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"edit:\n  {edit}\n", encoding="utf-8")
    with pytest.raises(SetupError) as refusal:
        load_policy(path)
    assert said in refusal.value.message


def test_a_policy_with_folders_and_scopes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    scopes = "{train.py: [WIDTH], models/attention.py: [Attention]}"
    path.write_text(f"edit:\n  files: [train.py, models/]\n  scopes: {scopes}\n", encoding="utf-8")
    assert load_policy(path).edit.scopes["models/attention.py"] == ["Attention"]
