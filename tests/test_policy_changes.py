"""What a change of a policy is, and how a run goes on under another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.errors import SetupError
from orchestrator.ledger.audit import read_events
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from orchestrator.policy import Policy
from orchestrator.policy.comparing import compare
from orchestrator.policy.keys import Key, Mark
from orchestrator.policy.layers import keys_of_a_policy
from orchestrator.policy.succession import succeed
from orchestrator.policy.watch import PolicyWatch

PRICE = {"input": 1.0, "output": 2.0}
TEMPLATE = {"train.py": "DEPTH = 1\n"}


def with_(policy: Policy = Policy(), /, **sections: dict[str, Any]) -> Policy:  # noqa: B008 - frozen
    values = policy.values()
    for section, keys in sections.items():
        values[section] |= keys
    return Policy.model_validate(values)


def test_every_key_says_which_way_is_tighter() -> None:
    keys = [(key.section, key.name) for key in keys_of_a_policy()]
    every = [(name, key) for name, section in Policy().values().items() for key in section]
    assert keys == every
    assert all(isinstance(key.key, Key) for key in keys_of_a_policy())


CHANGES: list[tuple[dict[str, dict[str, Any]], Mark]] = [
    ({"sandbox": {"memory_mib": 1024}}, Mark.TIGHTER),
    ({"sandbox": {"memory_mib": 65536}}, Mark.LOOSER),
    ({"sandbox": {"runtime": "runsc"}}, Mark.TIGHTER),
    ({"budget": {"smoke": False}}, Mark.LOOSER),
    ({"budget": {"futility": True}}, Mark.OTHER),
    ({"metric": {"floor": 0.5}}, Mark.TIGHTER),
    ({"metric": {"source": "result_file"}}, Mark.LOOSER),
    ({"metric": {"source": "predictions"}}, Mark.OTHER),
    ({"decision": {"rule": "greedy"}}, Mark.LOOSER),
    ({"decision": {"margin": 0.1}}, Mark.TIGHTER),
    ({"edit": {"files": ["train.py", "model.py"]}}, Mark.LOOSER),
    ({"edit": {"files": ["model.py"]}}, Mark.LOOSER),
    ({"edit": {"forbidden_imports": ["os"]}}, Mark.TIGHTER),
    ({"edit": {"allowed_imports": ["torch"]}}, Mark.TIGHTER),
    ({"model": {"prices": {"m": {"input": 1.0, "output": 2.0}}}}, Mark.TIGHTER),
]


@pytest.mark.parametrize(("sections", "mark"), CHANGES, ids=str)
def test_a_change_is_tighter_looser_or_other(sections: dict[str, Any], mark: Mark) -> None:
    assert [change.mark for change in compare(Policy(), with_(**sections))] == [mark]


def test_a_change_back_has_the_opposite_mark() -> None:
    opposite = {Mark.TIGHTER: Mark.LOOSER, Mark.LOOSER: Mark.TIGHTER, Mark.OTHER: Mark.OTHER}
    for sections, mark in CHANGES:
        if sections != {"edit": {"files": ["model.py"]}}:  # another file is more, either way
            assert [change.mark for change in compare(with_(**sections), Policy())] == [opposite[mark]]


def test_one_more_allowed_import_is_looser_and_one_less_is_tighter() -> None:
    two, three = (with_(edit={"allowed_imports": names}) for names in (["a", "b"], ["a", "b", "c"]))
    assert [change.mark for change in compare(two, three)] == [Mark.LOOSER]
    assert [change.mark for change in compare(three, two)] == [Mark.TIGHTER]


def test_a_file_of_a_folder_that_may_change_is_less_than_the_folder() -> None:
    whole, part = (with_(edit={"files": names}) for names in (["models/"], ["models/a.py"]))
    assert [change.mark for change in compare(whole, part)] == [Mark.TIGHTER]
    assert [change.mark for change in compare(part, whole)] == [Mark.LOOSER]


@pytest.mark.parametrize("price", [{}, {"m": {"input": 1.0, "output": 1.9}}, {"m": PRICE | {"cached": 0.5}}])
def test_a_model_that_costs_less_by_its_price_may_spend_more(price: dict[str, Any]) -> None:
    dear, cheap = (with_(model={"prices": prices}) for prices in ({"m": PRICE}, price))
    assert [change.mark for change in compare(dear, cheap)] == [Mark.LOOSER]
    assert [change.mark for change in compare(cheap, dear)] == [Mark.TIGHTER]


def test_a_change_of_a_list_says_what_came_and_what_went() -> None:
    one, two = (with_(edit={"forbidden_imports": names}) for names in (["a", "b"], ["b", "c"]))
    (change,) = compare(one, two)
    assert str(change) == "edit.forbidden_imports: +c -a"
    assert change.mark is Mark.LOOSER


def test_diff_says_each_change_and_fails_when_one_is_looser(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    a.write_text("sandbox: {pids: 1024}\n")
    b.write_text("extends: a.yaml\nsandbox: {pids: 512}\nbudget: {train_seconds: 60.0}\n")
    assert main(["policy", "diff", str(a), str(b)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tighter  sandbox.pids: 1024 -> 512",
        "tighter  budget.train_seconds: 300.0 -> 60.0  (fixed within a run)",
    ]
    assert main(["policy", "diff", str(b), str(a)]) == 1
    assert "looser   sandbox.pids: 512 -> 1024" in capsys.readouterr().out
    assert main(["policy", "diff", str(a), str(a)]) == 0
    assert "the same effective values" in capsys.readouterr().out


# A run that goes on.


def origin(policy: Policy, *, loosen: bool = False) -> Origin:
    return Origin("toy", TEMPLATE, policy.digest, "0.1.0", policy=policy, loosen=loosen)


def events(folder: Path) -> list[dict[str, Any]]:
    return list(read_events(folder / "audit.jsonl"))


@pytest.fixture
def night(tmp_path: Path) -> Path:
    GitLedger(tmp_path / "night", origin(Policy())).release()
    return tmp_path / "night"


TIGHTER = with_(sandbox={"pids": 512})
LOOSER = with_(sandbox={"pids": 2048})
OTHER = with_(budget={"futility": True})
FIXED = [
    with_(budget={"train_seconds": 60.0}),
    with_(metric={"source": "result_file"}),
    with_(metric={"challenge_cuts": 4096}),
    with_(sandbox={"device": "cpu"}),
    with_(sandbox={"runtime": "runsc"}),
]


def test_a_run_goes_on_under_the_same_policy_without_a_word(night: Path) -> None:
    GitLedger(night, origin(Policy())).release()
    assert [event["event"] for event in events(night)] == ["run_created", "run_resumed"]


@pytest.mark.parametrize(
    ("policy", "event"), [(TIGHTER, "policy_tightened"), (OTHER, "policy_changed")], ids=["tighter", "other"]
)
def test_a_run_goes_on_under_a_policy_that_is_not_looser_and_says_so(
    night: Path, policy: Policy, event: str
) -> None:
    GitLedger(night, origin(policy)).release()
    last = events(night)[-1]
    assert (last["event"], last["policy_digest"]) == (event, policy.digest)
    assert Policy.model_validate(last["policy"]) == policy
    assert len(last["changes"]) == 1
    assert verify_run(night) == []


def test_the_policy_that_a_run_goes_on_with_is_the_one_it_is_held_to(night: Path) -> None:
    GitLedger(night, origin(TIGHTER)).release()
    with pytest.raises(SetupError, match="is looser"):
        GitLedger(night, origin(Policy()))
    GitLedger(night, origin(TIGHTER)).release()
    assert [event["event"] for event in events(night)].count("policy_tightened") == 1


def test_a_looser_policy_must_be_asked_for_and_is_recorded(night: Path) -> None:
    before = events(night)
    with pytest.raises(SetupError, match=r"is looser \(sandbox\.pids: 1024 -> 2048\)") as refusal:
        GitLedger(night, origin(LOOSER))
    assert "--allow-loosen" in refusal.value.remedy
    assert events(night) == before
    GitLedger(night, origin(LOOSER, loosen=True)).release()
    last = events(night)[-1]
    assert (last["event"], last["policy_digest"]) == ("policy_loosened", LOOSER.digest)
    assert last["changes"] == [{"key": "sandbox.pids", "before": 1024, "after": 2048, "mark": "looser"}]


@pytest.mark.parametrize("policy", FIXED, ids=lambda policy: str(compare(Policy(), policy)[0]))
def test_what_would_make_numbers_incomparable_is_refused_even_when_asked_for(
    night: Path, policy: Policy
) -> None:
    before = events(night)
    with pytest.raises(SetupError, match=r"would not compare|another metric"):
        GitLedger(night, origin(policy, loosen=True))
    assert events(night) == before


def test_a_log_that_does_not_hold_its_policy_takes_no_other(tmp_path: Path) -> None:
    GitLedger(tmp_path / "night", replace(origin(Policy()), policy=None)).release()
    with pytest.raises(SetupError, match="was made with another policy"):
        GitLedger(tmp_path / "night", origin(TIGHTER))


def test_a_policy_of_a_version_with_other_keys_takes_no_other() -> None:
    with pytest.raises(SetupError, match="which this version cannot read"):
        succeed("night", {"sandbox": {"gone": 1}}, TIGHTER, loosen=True)


# A file that is edited during the night.


class Desk:
    """A policy file, a watch over it, and what became known of it."""

    def __init__(self, folder: Path, ledger: GitLedger) -> None:
        self.path, self.said = folder / "mine.yaml", list[str]()
        self.kept = list[Policy]()
        self.write("sandbox: {pids: 1024}")
        self.watch = PolicyWatch(self.path, Policy(), ledger.record, self.said.append, self.kept.append)

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with GitLedger(tmp_path / "night", origin(Policy())) as ledger:
        yield Desk(tmp_path, ledger)


def recorded(desk: Desk) -> list[dict[str, Any]]:
    return events(desk.path.parent / "night")[1:]


def test_an_untouched_file_and_a_comment_change_nothing(desk: Desk) -> None:
    assert desk.watch.latest() is None
    desk.write("# a word\nsandbox: {pids: 1024}")
    assert desk.watch.latest() is None
    assert (recorded(desk), desk.said, desk.kept) == ([], [], [])


def test_a_tighter_policy_takes_effect_once_and_is_recorded(desk: Desk) -> None:
    desk.write("sandbox: {pids: 512}\nedit: {allowed_imports: [torch]}")
    policy = desk.watch.latest()
    assert policy is not None
    assert (policy.sandbox.pids, policy.edit.allowed_imports) == (512, ["torch"])
    assert (desk.watch.latest(), desk.kept) == (None, [policy])
    (event,) = recorded(desk)
    assert (event["event"], event["policy_digest"]) == ("policy_tightened", policy.digest)
    assert [change["key"] for change in event["changes"]] == ["edit.allowed_imports", "sandbox.pids"]
    (said,) = desk.said
    assert said.startswith("the policy is tighter from the next attempt on: ")
    assert said.endswith("edit.allowed_imports: +torch; sandbox.pids: 1024 -> 512")


def test_the_next_start_is_held_to_what_the_night_was_tightened_to(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", origin(Policy())) as ledger:
        desk = Desk(tmp_path, ledger)
        desk.write("sandbox: {pids: 512}")
        assert desk.watch.latest() == TIGHTER
    with pytest.raises(SetupError, match="is looser"):
        GitLedger(tmp_path / "night", origin(Policy()))
    GitLedger(tmp_path / "night", origin(TIGHTER)).release()


REFUSED = {
    "sandbox: {pids: 2048}": "sandbox.pids: 1024 -> 2048: is looser",
    "sandbox: {pids: 512, memory_mib: 65536}": "sandbox.memory_mib: 32768 -> 65536: is looser",
    "budget: {train_seconds: 60.0}": "would not compare",
    "metric: {source: result_file}": "would not compare",
    "model: {plateau: 5}": "takes effect at the next start",
    "sandbox: {pids: many}": "sandbox.pids: input should be a valid integer",
    "sandbox: {": "mine.yaml:1: ",
    "": "is empty",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=str)
def test_any_other_policy_is_refused_with_the_reason_and_the_old_one_stays(
    desk: Desk, text: str, reason: str
) -> None:
    desk.write(text)
    assert (desk.watch.latest(), desk.watch.latest()) == (None, None)
    assert (desk.watch.in_force, desk.kept) == (Policy(), [])
    (event,) = recorded(desk)
    assert (event["event"], event["policy_digest"]) == ("policy_refused", Policy().digest)
    assert any(reason in each for each in event["reasons"])
    assert len(desk.said) == 1
    assert reason in desk.said[0]


def test_a_file_that_is_gone_is_refused_and_one_that_is_mended_is_taken(desk: Desk) -> None:
    desk.path.unlink()
    assert desk.watch.latest() is None
    desk.write("sandbox: {pids: 512}")
    assert desk.watch.latest() == TIGHTER
    assert [event["event"] for event in recorded(desk)] == ["policy_refused", "policy_tightened"]


def test_what_was_tightened_cannot_be_taken_back_in_the_same_night(desk: Desk) -> None:
    desk.write("sandbox: {pids: 512}")
    assert desk.watch.latest() == TIGHTER
    desk.write("sandbox: {pids: 1024}")
    assert desk.watch.latest() is None
    assert desk.watch.in_force == TIGHTER
    assert recorded(desk)[-1]["event"] == "policy_refused"


def test_a_parent_that_is_edited_counts_too(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text("sandbox: {pids: 1024}")
    desk.write("extends: parent.yaml\nbudget: {smoke: true}")
    assert desk.watch.latest() is None
    (tmp_path / "parent.yaml").write_text("sandbox: {pids: 512}")
    assert desk.watch.latest() == TIGHTER
