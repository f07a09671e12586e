"""Which cards a machine has, and how exactly one of them reaches a container."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest

from orchestrator.errors import SetupError
from orchestrator.policy import SandboxPolicy
from orchestrator.sandbox.container import Mode, Outfit, container_body
from orchestrator.sandbox.gpu import NO_GPU, Gpu, Grant, check_runtime, choose_grant, find_gpus

FIRST = Gpu("nvidia", "GPU-aaaa", "NVIDIA H200", 143_771)
SECOND = Gpu("nvidia", "GPU-bbbb", "NVIDIA H200", 143_771)
RADEON = Gpu("amd", "/dev/dri/renderD128", "AMD renderD128")
CDI = ("nvidia.com/gpu=GPU-aaaa", "nvidia.com/gpu=GPU-bbbb", "nvidia.com/gpu=all")


def saying(table: str) -> Callable[[Sequence[str]], str]:
    return lambda _: table


def failing(error: Exception) -> Callable[[Sequence[str]], str]:
    def query(_: Sequence[str]) -> str:
        raise error

    return query


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("", ()),
        ("No devices were found\n", ()),
        ("GPU-aaaa, NVIDIA H200, 143771\n", (FIRST,)),
        ("GPU-aaaa, NVIDIA H200, 143771\r\nGPU-bbbb, NVIDIA H200, 143771\r\n", (FIRST, SECOND)),
        ("GPU-cccc, NVIDIA GB10, [N/A]\n", (Gpu("nvidia", "GPU-cccc", "NVIDIA GB10", 0),)),
        ("GPU-cccc, NVIDIA T4, \n", (Gpu("nvidia", "GPU-cccc", "NVIDIA T4", 0),)),
        ("\x00\x1b[31m,,,\nGPU-aaaa\nall, NVIDIA, 1\n<html>, a, b\n", ()),
        ("warning: the persistence daemon is off\nGPU-aaaa, NVIDIA H200, 143771\n", (FIRST,)),
    ],
)
def test_nvidias_own_table_names_the_cards(table: str, found: tuple[Gpu, ...], tmp_path: Path) -> None:
    assert find_gpus(saying(table), tmp_path) == found


def test_a_machine_without_a_driver_has_no_nvidia_card(tmp_path: Path) -> None:
    assert find_gpus(failing(FileNotFoundError("nvidia-smi")), tmp_path) == ()


def test_a_driver_that_fails_is_an_error_and_no_silent_step_down_to_the_processor(tmp_path: Path) -> None:
    broken = subprocess.CalledProcessError(18, "nvidia-smi", output="Driver/library version mismatch\n")
    with pytest.raises(SetupError, match="nvidia-smi fails: Driver/library version mismatch"):
        find_gpus(failing(broken), tmp_path)


def test_a_driver_that_hangs_is_an_error_and_not_a_machine_without_cards(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="does not answer") as error:
        find_gpus(failing(subprocess.TimeoutExpired("nvidia-smi", 10)), tmp_path)
    assert "sandbox.device: cpu" in error.value.remedy


def test_amds_cards_are_its_render_nodes_and_need_the_compute_node(tmp_path: Path) -> None:
    (tmp_path / "dri").mkdir()
    for name in ("renderD129", "renderD128", "card0"):
        (tmp_path / "dri" / name).touch()
    assert find_gpus(saying(""), tmp_path) == ()
    (tmp_path / "kfd").touch()
    found = find_gpus(saying("GPU-aaaa, NVIDIA H200, 143771\n"), tmp_path)
    assert [gpu.identity for gpu in found] == [
        "GPU-aaaa",
        f"{tmp_path}/dri/renderD128",
        f"{tmp_path}/dri/renderD129",
    ]


SPLIT = Gpu("nvidia", "GPU-cccc", "NVIDIA H100", 81_559, "card")
SLICE = Gpu("nvidia", "MIG-1111", "MIG 3g.40gb", split="instance")
LIST = """\
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-cccc)
  MIG 3g.40gb     Device  0: (UUID: MIG-1111)
  MIG 1g.10gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA H200 (UUID: GPU-aaaa)
"""


def test_a_card_in_mig_mode_is_found_with_its_instances(tmp_path: Path) -> None:
    table = "GPU-cccc, NVIDIA H100, 81559, Enabled\nGPU-aaaa, NVIDIA H200, 143771, Disabled\n"
    found = find_gpus(lambda command: LIST if "-L" in command else table, tmp_path)
    assert found == (SPLIT, FIRST, SLICE, Gpu("nvidia", "MIG-2222", "MIG 1g.10gb", split="instance"))


def test_the_list_of_instances_is_asked_for_only_where_a_card_is_split(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []

    def query(command: Sequence[str]) -> str:
        asked.append(command)
        return "GPU-aaaa, NVIDIA H200, 143771, [N/A]\n"

    assert find_gpus(query, tmp_path) == (FIRST,)
    assert len(asked) == 1


def test_a_whole_card_is_taken_before_a_split_one_and_an_instance_only_by_its_name() -> None:
    cards, no_runtimes = (SPLIT, SLICE, SECOND), ("runc",)
    cdi = (*CDI, "nvidia.com/gpu=MIG-1111", "nvidia.com/gpu=GPU-cccc")
    whole = choose_grant("auto", cards, runtimes=no_runtimes, cdi_devices=cdi)
    named = choose_grant("auto", cards, runtimes=no_runtimes, cdi_devices=cdi, pinned="MIG-1111")
    assert requests_of(whole) == ["nvidia.com/gpu=GPU-bbbb"]
    assert requests_of(named) == ["nvidia.com/gpu=MIG-1111"]


@pytest.mark.parametrize(
    ("cards", "pinned", "remedy"),
    [
        ((SPLIT, SLICE), "", "MIG-1111"),
        ((SPLIT, SLICE, SECOND), "GPU-cccc", "nvidia-smi -L"),
        ((SPLIT,), "", "nvidia-smi -L"),
    ],
)
def test_a_split_card_is_never_granted_as_a_whole(cards: tuple[Gpu, ...], pinned: str, remedy: str) -> None:
    with pytest.raises(SetupError, match=r"is split \(MIG\)") as error:
        choose_grant("auto", cards, runtimes=("nvidia",), cdi_devices=CDI, pinned=pinned)
    assert remedy in error.value.remedy


@pytest.mark.parametrize(
    ("gpu", "arguments", "said"),
    [
        (FIRST, (), "its nvproxy is off"),
        (FIRST, ("--network=none", "--nvproxy=false"), "its nvproxy is off"),
        (SLICE, ("--nvproxy",), "whole NVIDIA cards only"),
        (RADEON, ("--nvproxy",), "whole NVIDIA cards only"),
    ],
)
def test_gvisor_with_a_card_that_it_cannot_pass_on_is_refused_at_the_start(
    gpu: Gpu, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SetupError, match=said) as error:
        check_runtime(Grant(gpu), "runsc", arguments)
    assert "sandbox.device: cpu" in error.value.remedy


def test_gvisor_that_passes_cards_on_and_every_other_pairing_is_taken() -> None:
    check_runtime(Grant(FIRST), "runsc", ("--network=none", "--nvproxy=true"))
    check_runtime(NO_GPU, "runsc", ())
    check_runtime(Grant(SLICE), "runc", ())


Wanted = Literal["auto", "cpu", "nvidia", "amd"]


@pytest.mark.parametrize(
    ("wanted", "pinned", "chosen"),
    [
        ("auto", "", FIRST),
        ("nvidia", "", FIRST),
        ("nvidia", "GPU-bbbb", SECOND),
        ("auto", "GPU-bbbb", SECOND),
        ("amd", "", RADEON),
        ("auto", "/dev/dri/renderD128", RADEON),
        ("cpu", "", None),
        ("cpu", "GPU-aaaa", None),
    ],
)
def test_the_first_fitting_card_or_the_pinned_one_is_granted(
    wanted: Wanted, pinned: str, chosen: Gpu | None
) -> None:
    cards = (FIRST, SECOND, RADEON)
    grant = choose_grant(wanted, cards, runtimes=("runc",), cdi_devices=CDI, pinned=pinned)
    assert grant.gpu == chosen
    assert grant.device == ("cuda" if chosen else "cpu")


def test_only_auto_falls_back_to_the_processor() -> None:
    assert choose_grant("auto", (), runtimes=(), cdi_devices=()) == NO_GPU


@pytest.mark.parametrize(
    ("wanted", "pinned", "missing"),
    [
        ("nvidia", "", "nvidia card"),
        ("amd", "", "amd card"),
        ("auto", "GPU-zzzz", "GPU-zzzz"),
        ("auto", "all", "all"),
        ("auto", "0", "0"),
        ("amd", "GPU-aaaa", "GPU-aaaa"),
    ],
)
def test_a_card_that_is_not_there_is_an_error_and_never_another_card(
    wanted: Wanted, pinned: str, missing: str
) -> None:
    cards = (FIRST,) if pinned else ()
    with pytest.raises(SetupError, match=f"there is no {missing} on this machine"):
        choose_grant(wanted, cards, runtimes=("nvidia",), cdi_devices=CDI, pinned=pinned)


def test_a_card_that_the_engine_cannot_grant_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="cannot grant NVIDIA H200"):
        choose_grant("auto", (FIRST,), runtimes=("runc",), cdi_devices=("nvidia.com/gpu=all",))


def test_the_toolkits_hook_is_as_good_as_its_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = tmp_path / "nvidia-container-runtime-hook"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert requests_of(choose_grant("auto", (FIRST,), runtimes=("runc",), cdi_devices=())) == ["GPU-aaaa"]


def requests_of(grant: Grant) -> list[str]:
    """Every card that a grant asks the engine for."""
    return [name for request in grant.host_config["DeviceRequests"] for name in request["DeviceIDs"]]


@pytest.mark.parametrize(
    ("runtimes", "cdi", "driver", "identity"),
    [
        (("runc",), CDI, "cdi", "nvidia.com/gpu=GPU-aaaa"),
        (("runc", "nvidia"), CDI, "cdi", "nvidia.com/gpu=GPU-aaaa"),
        (("runc", "nvidia"), (), "nvidia", "GPU-aaaa"),
    ],
)
def test_one_card_is_granted_by_its_identity_and_never_all(
    runtimes: tuple[str, ...], cdi: tuple[str, ...], driver: str, identity: str
) -> None:
    grant = choose_grant("auto", (FIRST, SECOND), runtimes=runtimes, cdi_devices=cdi)
    assert requests_of(grant) == [identity]
    (request,) = grant.host_config["DeviceRequests"]
    assert (request["Driver"], request["Count"]) == (driver, 0)
    assert '"all"' not in json.dumps([grant.host_config, grant.environment])
    visible = grant.environment.get("NVIDIA_VISIBLE_DEVICES")
    assert visible == ("void" if driver == "cdi" else None), "the toolkit's hook sets the card's UUID itself"


def test_an_amd_card_is_its_own_node_and_the_compute_node() -> None:
    grant = choose_grant("amd", (FIRST, RADEON), runtimes=(), cdi_devices=())
    devices = grant.host_config["Devices"]
    assert [device["PathOnHost"] for device in devices] == ["/dev/kfd", "/dev/dri/renderD128"]
    assert all(device["PathOnHost"] == device["PathInContainer"] for device in devices)


@pytest.mark.parametrize("card", [FIRST, RADEON])
@pytest.mark.parametrize("mode", ["train", "serve", "smoke", "receive", "stdlib"])
def test_only_training_and_serving_containers_see_the_card(card: Gpu, mode: Mode) -> None:
    grant = choose_grant("auto", (card,), runtimes=("nvidia",), cdi_devices=())
    outfit = Outfit("image", SandboxPolicy(), "{}", 1.0, {}, "data", grant)
    body = container_body(outfit, mode, out_volume="out")
    granted = {"Devices", "DeviceRequests", "GroupAdd"} & body["HostConfig"].keys()
    hidden = "NVIDIA_VISIBLE_DEVICES=void" in body["Env"]
    if mode in {"train", "serve"}:
        assert granted
        assert card.identity in json.dumps(body["HostConfig"])
        assert not hidden
    else:
        assert not granted
        assert hidden
        assert card.identity not in json.dumps(body)
