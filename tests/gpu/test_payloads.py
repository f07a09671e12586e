"""The programs work on the processor too, so that a machine with a card is not the first to run them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.sandbox.gpu import NO_GPU
from orchestrator.scoring.held_out import cut_rows
from tests.gpu.conftest import Sealed, open_sealed
from tests.gpu.test_training import VOCAB, made_up_tokens, write_made_up_data


@pytest.fixture(scope="module")
def without_card() -> Iterator[Sealed]:
    yield from open_sealed(NO_GPU)


@pytest.mark.docker
def test_a_program_without_a_card_sees_none(without_card: Sealed) -> None:
    seen = without_card.start("looks_around").go()
    assert seen == {"count": 0, "uuids": [], "nodes": [], "mps": False, "nvml": {}}


@pytest.mark.docker
def test_memory_is_filled_and_searched_as_much_as_was_asked(without_card: Sealed) -> None:
    assert without_card.start("fills", "cpu", "512").go() == {"filled_mib": 512, "written": True}
    searched = without_card.start("searches", "cpu", "512").go()
    assert (searched["searched_mib"], searched["found"]) == (512, 0)
    assert searched["control"]["searched_mib"] == 256


def test_the_made_up_text_is_a_data_folder_that_can_be_learned(tmp_path: Path) -> None:
    data = write_made_up_data(tmp_path / "data", 40_000, 40_000)
    data.verify()
    assert (data.vocab_size, len(data.token_bytes)) == (VOCAB, VOCAB)
    assert cut_rows(data.tokens("val"), 4, 2048).shape == (4, 2049)
    tokens = made_up_tokens(200_000, seed=3)
    again = made_up_tokens(200_000, seed=4)
    pairs, seen = set(pairwise(tokens[:150].tolist())), set(pairwise(again.tolist()))
    assert len(pairs & seen) > 0.5 * len(pairs), "another walk takes the same steps"
