"""Whose containers are whose: only what is known to be dead is reaped."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from orchestrator.sandbox.ownership import OWNER_LABEL, is_orphan, owner_of


def owned_by(owner: str) -> dict[str, str]:
    return {OWNER_LABEL: owner}


def changed(owner: str, place: int, value: str) -> dict[str, str]:
    parts = owner.split("/")
    parts[place] = value
    return owned_by("/".join(parts))


def test_a_living_owner_keeps_what_it_has() -> None:
    assert not is_orphan(owned_by(owner_of(os.getpid())))


def test_what_a_dead_process_left_is_an_orphan() -> None:
    ask = "import os; from orchestrator.sandbox.ownership import owner_of; print(owner_of(os.getpid()))"
    owner = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    assert is_orphan(owned_by(owner.strip()))


def test_a_recycled_process_number_is_not_the_owner() -> None:
    assert is_orphan(changed(owner_of(os.getpid()), 4, "1"))


def test_what_was_left_before_this_machine_started_again_is_an_orphan() -> None:
    assert is_orphan(changed(owner_of(os.getpid()), 1, "another-boot"))


@pytest.mark.parametrize(("place", "value"), [(0, "another-machine"), (2, "4026531999")])
def test_what_another_machine_or_namespace_owns_is_left_alone(place: int, value: str) -> None:
    nobody = "999999999"
    elsewhere = changed(owner_of(os.getpid()), place, value)
    assert not is_orphan(elsewhere)
    assert not is_orphan(changed(elsewhere[OWNER_LABEL], 3, nobody))


@pytest.mark.parametrize("owner", ["", "host/12/3", "////", "a/b/c/d/e", "a/b/c/d/e/f"])
def test_a_label_that_is_not_ours_is_no_orphan(owner: str) -> None:
    assert not is_orphan(owned_by(owner))
