"""TensorBoard event files, read back record by record."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event

from orchestrator.cli import main
from orchestrator.ledger.story import story_of_results
from orchestrator.records import Action
from orchestrator.views.tensorboard import write_events
from tests.ledger.ledger_parts import run_night
from tests.views.stories import at, attempt, small_night, story
from tests.views.test_report import HOSTILE

UPSTREAM = Path(__file__).parents[1] / "ledger/data/mar8_results.tsv"


def events(folder: Path) -> Iterator[Event]:
    """The records of the one file: length, a checksum, the event, a checksum."""
    (path,) = folder.iterdir()
    data, position = path.read_bytes(), 0
    while position < len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        yield Event.FromString(data[position + 12 : position + 12 + length])
        position += 16 + length


def scalars(folder: Path, tag: str) -> dict[int, Any]:
    found = ((event.step, value) for event in events(folder) for value in event.summary.value)
    return {step: pytest.approx(value.simple_value) for step, value in found if value.tag == tag}


def texts(folder: Path) -> list[str]:
    values = [value for event in events(folder) for value in event.summary.value]
    return [value.tensor.string_val[0].decode() for value in values if value.tensor.string_val]


def test_each_attempt_is_a_step_with_its_figures(tmp_path: Path) -> None:
    out = tmp_path / "board"
    assert write_events(small_night(), out) == 7
    assert scalars(out, "val_bpb") == {1: 2.0, 2: 1.9, 3: 2.5, 6: 1.0, 7: 1.8}
    assert scalars(out, "val_bpb/best") == {1: 2.0, 2: 1.9, 3: 1.9, 4: 1.9, 5: 1.9, 6: 1.9, 7: 1.8}
    assert scalars(out, "val_bpb/holdout") == {7: 1.85}
    assert scalars(out, "kept") == {1: 1, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0, 7: 1}
    assert scalars(out, "train_seconds") == {1: 900, 2: 600, 3: 300, 4: 9, 5: 0, 6: 300, 7: 300}
    assert scalars(out, "dollars")[1] == 0.5
    first = next(event for event in events(out) if event.step == 1)
    assert first.wall_time == at(11).timestamp()


def test_titles_and_reasons_are_text_in_a_code_block(tmp_path: Path) -> None:
    told = story(attempt(1, 2.0, action=Action.KEEP, title=HOSTILE, reason=HOSTILE, hypothesis=HOSTILE))
    write_events(told, tmp_path / "board")
    (text,) = texts(tmp_path / "board")
    assert "0001 </pre></title><script>" in text
    assert all(line.startswith("    ") for line in text.splitlines())
    for character in "\x1b\x07\u202e\u200b\x00":
        assert character not in text


def test_upstreams_night_has_a_step_for_every_row(tmp_path: Path) -> None:
    assert write_events(story_of_results(UPSTREAM), tmp_path / "board") == 126
    values = scalars(tmp_path / "board", "val_bpb")
    assert len(values) == 125
    assert values[119] == 0.969686


def test_a_run_is_exported_into_a_new_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_night(tmp_path / "runs/night")
    monkeypatch.chdir(tmp_path)
    words = ["export", "--tag", "night", "--tensorboard", "board"]
    monkeypatch.setenv("AUTORESEARCH_RUNS", str(tmp_path / "runs"))
    assert main(words) == 0
    assert scalars(tmp_path / "board", "val_bpb") == {1: 2.0, 2: 2.5, 3: 1.5}
    assert main(words) == 2
    assert "board is not empty" in capsys.readouterr().err
    Path("file").touch()
    assert main([*words[:-1], "file/board"]) == 2
    assert "cannot be written" in capsys.readouterr().err
