"""What `policy explain` says: values, origins, and flags that come from the container's own body."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from orchestrator.assembly import SECCOMP
from orchestrator.cli import main
from orchestrator.policy import load_policy
from orchestrator.policy.layers import keys_of_a_policy, read_policy
from orchestrator.policy_work.explaining import example_outfit, explain
from orchestrator.sandbox.container import Mode, Outfit, container_body
from orchestrator.sandbox.flags import docker_flags, flags_by_key, run_flags
from orchestrator.sandbox.gpu import Grant, choose_grant, find_gpus

POLICIES = Path(__file__).parents[1] / "policies"
MODES: tuple[Mode, ...] = ("train", "smoke", "bare", "serve", "hold", "receive", "stdlib")
EVERY = list(itertools.product(sorted(POLICIES.glob("*.yaml")), MODES))
CARD = "GPU-5d7ae7a5-0000-0000-0000-000000000000"


def grant(*, cdi: bool) -> Grant:
    cards = find_gpus(lambda _: f"{CARD}, NVIDIA H100, 81559, Disabled\n", dev=Path("/nowhere"))
    names = [f"nvidia.com/gpu={CARD}"] if cdi else []
    return choose_grant("nvidia", cards, runtimes=["nvidia"], cdi_devices=names)


def test_every_key_is_explained_with_its_value_and_the_file_and_line_that_set_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["policy", "explain", str(POLICIES / "strict.yaml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    for key in keys_of_a_policy():
        assert any(line.startswith(f"  {key.name}:") for line in lines), key.place
    number = 1 + (POLICIES / "strict.yaml").read_text().splitlines().index(
        next(line for line in (POLICIES / "strict.yaml").read_text().splitlines() if "  pids:" in line)
    )
    assert f"  pids: 512  ({POLICIES}/strict.yaml:{number})" in lines
    assert any(line.startswith(f"  network: none  ({POLICIES}/default.yaml:") for line in lines)


def test_what_differs_from_the_default_is_explained_alone_with_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {POLICIES}/default.yaml\nsandbox:\n  pids: 64\n  open_files: 4096\n")
    assert main(["policy", "explain", "--changed", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if line[:3].rstrip() and line[:3].startswith("  ")] == [
        "  pids"
    ]
    assert lines[-2:] == ["      by default: 1024", "      --pids-limit=64"]
    assert main(["policy", "explain", "--changed", str(POLICIES / "default.yaml")]) == 0
    assert "every value is that of policies/default.yaml" in capsys.readouterr().out


def test_a_key_that_no_file_sets_is_built_in(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("sandbox:\n  pids: 64\n")
    lines = list(explain(read_policy(path)))
    assert f"  pids: 64  ({path}:2)" in lines
    assert "  open_files: 4096  (built in)" in lines


def test_a_key_stands_with_the_flags_that_change_with_it() -> None:
    policy = load_policy(POLICIES / "default.yaml").sandbox.model_copy(update={"pids": 77, "memory_mib": 555})
    flags = flags_by_key(example_outfit(policy), "profile.json")
    assert flags["pids"] == ("--pids-limit=77",)
    assert flags["memory_mib"] == ("--memory=555m", "--memory-swap=555m")
    assert flags["network"] == ("--network=none",)
    assert flags["log_kib"] == ()
    assert set(flags) == {key.name for key in keys_of_a_policy() if key.section == "sandbox"}


def test_every_limit_of_the_section_reaches_a_flag_but_those_that_the_host_holds() -> None:
    flags = flags_by_key(example_outfit(load_policy(POLICIES / "default.yaml").sandbox), "profile.json")
    assert {name for name, texts in flags.items() if not texts} == {"device", "log_kib"}


@pytest.mark.parametrize(("policy", "mode"), EVERY, ids=str)
def test_no_field_of_any_container_is_without_a_translation(policy: Path, mode: Mode) -> None:
    flags = run_flags(example_outfit(load_policy(policy).sandbox), mode, "profile.json")
    assert "--network=none" in [flag.text for flag in flags]
    assert all(flag.words for flag in flags)


@pytest.mark.parametrize(
    ("cdi", "flag"),
    [
        (True, f"--device=nvidia.com/gpu={CARD}"),
        (False, f'--gpus="device={CARD}","capabilities=compute,utility"'),
    ],
)
def test_a_card_is_granted_by_a_flag_too(*, cdi: bool, flag: str) -> None:
    outfit = Outfit(
        "IMAGE", load_policy(POLICIES / "default.yaml").sandbox, SECCOMP.read_text(), 1.0, {}, "DATA"
    )
    carded = Outfit(**{name: getattr(outfit, name) for name in outfit.__slots__} | {"grant": grant(cdi=cdi)})
    assert flag in [each.text for each in run_flags(carded, "train", "profile.json")]
    assert flag not in [each.text for each in run_flags(carded, "smoke", "profile.json")]


def test_a_field_that_is_not_known_is_an_error_and_never_left_out() -> None:
    body = container_body(
        example_outfit(load_policy(POLICIES / "default.yaml").sandbox), "train", out_volume="o"
    )
    body["HostConfig"]["CapAdd"] = ["SYS_ADMIN"]
    with pytest.raises(KeyError, match="CapAdd"):
        docker_flags(body, "profile.json")
