"""The policy files: what ships is whole, explained and equal to the code; what is wrong is refused."""

from __future__ import annotations

import ast
import json
import re
import time
from pathlib import Path
from typing import Any, TypeGuard

import pytest
import yaml
from pydantic import BaseModel

from orchestrator.cli import main
from orchestrator.errors import SetupError
from orchestrator.policy import Policy, load_policy
from orchestrator.policy.comparing import compare
from orchestrator.policy.keys import Mark
from orchestrator.policy.layers import read_policy
from orchestrator.task import TextTask, load_task

POLICIES = Path(__file__).parents[1] / "policies"
SHIPPED = sorted(path.name for path in POLICIES.glob("*.yaml"))
LISTS = {"forbidden_imports", "forbidden_calls"}


def keys_of(model: type[BaseModel]) -> dict[str, set[str]]:
    sections = {name: field.annotation for name, field in model.model_fields.items()}
    return {name: set(kind.model_fields) for name, kind in sections.items() if _is_section(kind)}


def _is_section(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_default_yaml_spells_out_every_key_of_the_model_and_no_other() -> None:
    written = yaml.safe_load((POLICIES / "default.yaml").read_text(encoding="utf-8"))
    assert {section: set(keys) for section, keys in written.items()} == keys_of(Policy)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_key_of_a_shipped_file_has_a_comment_on_its_line(name: str) -> None:
    lines = (POLICIES / name).read_text(encoding="utf-8").splitlines()
    keys = [line for line in lines if re.match(r" +\w+:", line)]
    assert len(keys) >= 5
    assert [line for line in keys if not re.search(r"\S +# \w", line)] == []


def test_default_yaml_has_the_values_of_the_code_except_for_the_lint_lists() -> None:
    """The code forbids nothing by itself: the names live in the file, where a person reads and edits them."""
    shipped, built_in = load_policy(POLICIES / "default.yaml"), Policy()
    assert shipped.model_dump(exclude={"edit": LISTS}) == built_in.model_dump(exclude={"edit": LISTS})
    assert all(shipped.edit.model_dump()[name] and not built_in.edit.model_dump()[name] for name in LISTS)


def test_the_lint_lists_name_nothing_twice() -> None:
    edit = load_policy(POLICIES / "default.yaml").edit
    assert len(set(edit.forbidden_imports)) == len(edit.forbidden_imports)
    assert len(set(edit.forbidden_calls)) == len(edit.forbidden_calls)


CHALLENGE = ("challenge_cuts", "challenge_tolerance_nats")


def test_demo_yaml_is_the_default_but_short_small_and_on_the_processor() -> None:
    demo, default = load_policy(POLICIES / "demo.yaml"), load_policy(POLICIES / "default.yaml")
    assert (demo.budget.train_seconds, demo.budget.save_seconds, demo.budget.smoke) == (20.0, 1.0, False)
    assert (demo.sandbox.device, demo.sandbox.cpus, demo.sandbox.memory_mib) == ("cpu", 2.0, 4096)
    assert demo.decision.margin > default.decision.margin
    fewer = demo.metric.model_copy(update={name: getattr(default.metric, name) for name in CHALLENGE})
    assert (demo.edit, fewer) == (default.edit, default.metric)
    assert demo.metric.challenge_cuts < default.metric.challenge_cuts


def test_the_effective_policy_reads_back_as_itself(tmp_path: Path) -> None:
    demo = load_policy(POLICIES / "demo.yaml")
    again = load_policy(write(tmp_path, demo.to_yaml()))
    assert (again, again.digest) == (demo, demo.digest)


def test_the_digest_changes_with_any_value(tmp_path: Path) -> None:
    changed = load_policy(write(tmp_path, "decision: {margin: 0.001}"))
    assert changed.digest != Policy().digest


WRONG = {
    "budget: {train_second: 3.0}": "budget.train_second: is not a key of a policy",
    "budgets: {}": "budgets: is not a key of a policy",
    "budget: {train_seconds: 5 min}": "budget.train_seconds: input should be a valid number (got '5 min')",
    "budget: {train_seconds: -1.0}": "budget.train_seconds: input should be greater than 0 (got -1.0)",
    "budget: {train_seconds: .nan}": "budget.train_seconds: input should be",
    "budget: {train_seconds: 8.0, save_seconds: 5.0}": "save_seconds is part of train_seconds",
    "budget: {smoke: 'yes'}": "budget.smoke: input should be a valid boolean",
    "sandbox: {network: bridge}": "sandbox.network: input should be 'none' (got 'bridge')",
    "sandbox: {network: null}": "sandbox.network: input should be 'none'",
    "sandbox: {memory_mib: 4g}": "sandbox.memory_mib: input should be a valid integer",
    "sandbox: {memory_mib: 0}": "sandbox.memory_mib: input should be greater than",
    "sandbox: {memory_mib: 4096.5}": "sandbox.memory_mib: input should be a valid integer",
    "sandbox: {pids: 1}": "sandbox.pids: input should be greater than",
    "sandbox: {cpus: .inf}": "sandbox.cpus: input should be",
    "sandbox: {runtime: none}": "sandbox.runtime: input should be 'runc' or 'runsc'",
    "sandbox: {privileged: true}": "sandbox.privileged: is not a key of a policy",
    "sandbox: {pids: 64, pids: 128}": "the key 'pids' stands twice",
    "edit: {files: []}": "edit.files: list should have at least 1 item",
    "edit: {files: [../train.py]}": "'../train.py' is not a plain relative path",
    "edit: {files: [/etc/passwd]}": "is not a plain relative path",
    "edit: {files: [.git/x.py]}": "is not a plain relative path",
    "edit: {files: ['']}": "is not a plain relative path",
    "edit: {files: [./train.py]}": "is not a plain relative path",
    "edit: {files: train.py}": "edit.files: input should be a valid list",
    "metric: {source: a_guess}": "metric.source: input should be 'claims'",
    "decision: {margin: -0.1}": "decision.margin: input should be greater than or equal to 0",
    "decision: {margin: '0.1'}": "decision.margin: input should be a valid number",
    "- a list": "is not a mapping of keys to values",
    "budget: 3": "budget: input should be a valid dictionary",
    "budget: {": ":1: ",
    "extends: [a]": "extends: takes one file name",
    "edit: {}\nextends: gone.yaml": "mine.yaml:2: extends: there is no ",
    "edit: {}\n# \x1b[2J\nbudget: {}": "mine.yaml:2: the character '\\x1b' is not allowed",
    "#" * (2**20 + 1): "is longer than 1048576 characters",
    "extends: mine.yaml": "extends itself",
    "x: !!python/object/apply:os.system ['true']": "x: !!os.system is not allowed here",
    "budget:\n  ? [a, b]\n  : c": ":2: budget: a key is one plain word",
    "budget: {train_seconds: !!float abc}": ":1: budget.train_seconds: 'abc' cannot be read as float",
    "edit:\n  files: [2020-99-99]": ":2: edit.files.0: '2020-99-99' cannot be read as timestamp",
    "budget: {smoke: !!bool perhaps}": ":1: budget.smoke: 'perhaps' cannot be read as bool",
    "budget: {pids: !!int ''}": ":1: budget.pids: '' cannot be read as int",
    f"model: {{tokens: {'9' * 5000}}}": ":1: model.tokens: '999",
    f"model: {{tokens: 0x{'f' * 5000}}}": "model.tokens: input should be less than",
    "budget: !!set [a]": ":1: budget: !!set is not allowed here",
    'extends: "\\0"': "extends: takes one file name",
    'extends: "\\ud800"': "extends: takes one file name",
    '"a\\nb": 1': "a b: is not a key of a policy",
    "x: " + "[" * 3000: "is nested too deeply",
    "budget: &a {}\nsandbox: *a": ":2: sandbox: an alias is not allowed here",
    "": "is empty",
    "# nothing yet\n": "is empty",
    "{}": "is empty",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=lambda text: text[:40])
def test_a_wrong_policy_is_refused_with_file_key_and_reason(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SetupError) as refusal:
        load_policy(path)
    assert said in refusal.value.message
    assert str(tmp_path) in refusal.value.message
    assert "\n" not in refusal.value.message
    assert refusal.value.remedy


def test_every_problem_of_every_layer_is_named_with_file_line_key_and_reason(tmp_path: Path) -> None:
    parent = write(tmp_path, "sandbox:\n  pids: 1\n  cpus: 2.0\n", "parent.yaml")
    child = write(
        tmp_path, "extends: parent.yaml\nbudget:\n  train_second: 3\n  smoke: maybe\nsandbox: {cpus: -1.0}\n"
    )
    assert [str(problem) for problem in read_policy(child).problems] == [
        f"{child}:3: budget.train_second: is not a key of a policy; did you mean budget.train_seconds?",
        f"{child}:4: budget.smoke: input should be a valid boolean (got 'maybe')",
        f"{child}:5: sandbox.cpus: input should be greater than or equal to 0.01 (got -1.0)",
        f"{parent}:2: sandbox.pids: input should be greater than or equal to 16 (got 1)",
    ]


def test_a_problem_is_counted_with_the_others_where_there_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "sandbox: {pids: 1}\nbudget: {smoke: 3}")
    with pytest.raises(SetupError, match=r"sandbox\.pids: .*\(and 1 more\)"):
        load_policy(path)


def test_check_names_the_problems_of_all_files_and_the_sound_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, worse = write(tmp_path, "sandbox: {pids: 1}", "bad.yaml"), write(tmp_path, "a: [", "worse.yaml")
    good = POLICIES / "strict.yaml"
    assert main(["policy", "check", str(bad), str(worse), str(good)]) == 2
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{bad}:1: sandbox.pids: ")
    assert said[1].startswith(f"{worse}:1: ")
    assert said[2].startswith(f"{good}: sound, digest ")
    assert "extends nothing" not in said[2]
    assert main(["policy", "check", str(good)]) == 0
    assert main(["policy", "check", str(write(tmp_path, "budget: {smoke: true}"))]) == 0
    assert "it extends nothing, and forbids no import and no call" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("edit:", "1: edit: has no keys under it: name some, or take the line out"),
        ("edit: {files: [train.py, train.py]}", "1: edit.files: 'train.py' stands twice"),
        ("edit: {scopes: {train.py: [main, main]}}", "1: edit.scopes: 'main' stands twice"),
        (
            'edit: {forbidden_imports: ["a\\nb"]}',
            "1: edit.forbidden_imports: 'a\\nb' has characters that cannot",
        ),
        (
            'model: {prices: {"\\e[2J": {input: 1.0, output: 1.0}}}',
            "1: model.prices: '\\x1b[2J' has characters",
        ),
    ],
)
def test_what_means_nothing_is_a_problem(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SetupError, match=re.escape(f"{path}:{problem}")):
        load_policy(path)


def test_a_policy_that_refuses_the_task_itself_is_not_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "edit: {allowed_imports: [math, torch, collections, itertools]}")
    assert main(["policy", "check", str(path), "--task", str(POLICIES.parent / "train_template")]) == 2
    said = capsys.readouterr().out
    assert "itself would be refused: train.py:" in said
    assert "time is not among the modules that the policy allows" in said
    assert "sound" not in said


@pytest.mark.parametrize(
    ("text", "task", "said"),
    [
        (
            "edit: {scopes: {train.py: [DEPT, DEPTH]}}",
            "train_template",
            "train.py of the task has no DEPT at",
        ),
        ("budget: {smoke: true}", "tests/tasks/digits", "metric.source claims measures tasks of kind text"),
    ],
)
def test_a_policy_that_no_proposal_could_pass_is_not_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, task: str, said: str
) -> None:
    path = write(tmp_path, text)
    assert main(["policy", "check", str(path), "--task", str(POLICIES.parent / task)]) == 2
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("name", ["strict.yaml", "gpu-small.yaml"])
def test_the_tighter_children_are_nowhere_looser_than_the_default(name: str) -> None:
    changes = compare(load_policy(POLICIES / "default.yaml"), load_policy(POLICIES / name))
    marks = {change.mark for change in changes}
    assert Mark.TIGHTER in marks
    assert Mark.LOOSER not in marks


def test_strict_has_an_allowlist_of_imports_gvisor_and_half_the_limits() -> None:
    strict, default = load_policy(POLICIES / "strict.yaml"), load_policy(POLICIES / "default.yaml")
    assert strict.sandbox.runtime == "runsc"
    assert {"torch", "math", "harness"} < set(strict.edit.allowed_imports)
    assert not set(strict.edit.allowed_imports) & set(strict.edit.forbidden_imports)
    for name in ("memory_mib", "shm_mib", "pids", "tmp_mib", "work_mib", "output_mib", "log_kib"):
        assert getattr(strict.sandbox, name) <= getattr(default.sandbox, name) / 2, name


def test_the_template_imports_nothing_that_strict_does_not_allow() -> None:
    source = (POLICIES.parent / "train_template" / "train.py").read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    allowed = load_policy(POLICIES / "strict.yaml").edit.allowed_imports
    assert {name.partition(".")[0] for name in plain | froms} <= set(allowed)


def test_gpu_small_takes_the_tasks_smaller_size() -> None:
    policy, task = load_policy(POLICIES / "gpu-small.yaml"), load_task(POLICIES.parent / "train_template")
    assert isinstance(task, TextTask)
    assert policy.metric.profile == "gpu-small"
    small, large = task.profiles["gpu-small"], task.profiles["gpu"]
    assert small.sequence_tokens < large.sequence_tokens
    assert small.eval_rows * small.sequence_tokens <= large.eval_rows * large.sequence_tokens / 8
    assert small.data_name == large.data_name


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"gone\.yaml: no such file"):
        load_policy(tmp_path / "gone.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match="cannot be read"):
        load_policy(path)


def test_a_child_s_keys_lie_over_its_parent_s_one_by_one(tmp_path: Path) -> None:
    write(tmp_path, "budget: {train_seconds: 30.0, save_seconds: 3.0}", "parent.yaml")
    policy = load_policy(write(tmp_path, "extends: parent.yaml\nbudget: {save_seconds: 4.0}"))
    assert (policy.budget.train_seconds, policy.budget.save_seconds) == (30.0, 4.0)


def test_a_bomb_of_aliases_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    path = write(tmp_path, "\n".join(["a0: &a0 [x]", *levels, "budget: *a8"]))
    began = time.monotonic()
    problems = read_policy(path).problems
    assert time.monotonic() - began < 2
    assert f"{path}:2: a1.0: an alias is not allowed here: write the value out" in map(str, problems)


def test_a_file_without_an_end_is_not_waited_for() -> None:
    assert [str(problem) for problem in read_policy(Path("/dev/zero")).problems] == [
        "/dev/zero: is longer than 1048576 characters"
    ]


def test_a_link_to_itself_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").symlink_to("mine.yaml")
    with pytest.raises(SetupError, match="cannot be read"):
        load_policy(tmp_path / "mine.yaml")


def test_a_task_that_is_missing_has_a_remedy_that_speaks_of_tasks(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"task\.yaml: no such file") as refusal:
        load_task(tmp_path)
    assert refusal.value.remedy == "see train_template/task.yaml"


def profile() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((POLICIES / "seccomp.json").read_text(encoding="utf-8"))
    return loaded


def test_the_seccomp_profile_is_an_allowlist_with_a_reason_for_every_entry() -> None:
    whole = profile()
    assert whole["defaultAction"] == "SCMP_ACT_ERRNO"
    assert [entry for entry in whole["syscalls"] if not entry.get("comment")] == []
    assert {entry["action"] for entry in whole["syscalls"]} == {"SCMP_ACT_ALLOW", "SCMP_ACT_TRACE"}
    (traced,) = [entry["names"] for entry in whole["syscalls"] if entry["action"] == "SCMP_ACT_TRACE"]
    assert traced == ["clone3", "openat2"]


def test_the_seccomp_profile_knows_no_second_architecture_to_call_through() -> None:
    assert {arch["architecture"]: arch["subArchitectures"] for arch in profile()["archMap"]} == {
        "SCMP_ARCH_X86_64": [],
        "SCMP_ARCH_AARCH64": [],
    }


def test_the_seccomp_profile_allows_sockets_clone_and_personality_only_by_argument() -> None:
    guarded = {"socket", "socketpair", "clone", "personality"}
    for entry in profile()["syscalls"]:
        if guarded & set(entry["names"]):
            assert entry.get("args"), entry["names"]


def test_the_seccomp_profile_names_no_call_twice_without_an_argument() -> None:
    names = [name for entry in profile()["syscalls"] if not entry.get("args") for name in entry["names"]]
    assert len(names) == len(set(names))
