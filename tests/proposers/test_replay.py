"""Recorded proposals come back in order, and their end is an end, not a fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import ProposalsExhausted, ProposerError, SetupError
from orchestrator.proposers.replay import ReplayProposer
from orchestrator.records import History, Mend

SOURCE = "DEPTH = 3\n"
HISTORY = History({"train.py": SOURCE}, 2.0)
BLOCK = "train.py\n<<<<<<< SEARCH\nDEPTH = 3\n=======\nDEPTH = 4\n>>>>>>> REPLACE\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_replies_files_and_folders_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    replay = ReplayProposer(
        write(
            tmp_path,
            {
                "0003-two-files/train.py": "DEPTH = 6\n",
                "0003-two-files/lib/model.py": "x = 1\n",
                "0001-deeper.md": f"TITLE: go deeper\n{BLOCK}",
                "0002-whole-file.py": "DEPTH = 5\n",
                "README.md": "not a proposal",
                ".hidden.md": "nor this",
            },
        )
    )
    first, second, third = (replay.propose(HISTORY) for _ in range(3))
    assert (first.title, first.files) == ("go deeper", {"train.py": "DEPTH = 4\n"})
    assert (second.title, second.files) == ("whole file", {"train.py": "DEPTH = 5\n"})
    assert (third.title, third.files) == ("two files", {"train.py": "DEPTH = 6\n", "lib/model.py": "x = 1\n"})
    assert first.proposer == "replay"


def test_a_reply_without_a_title_is_named_after_its_file(tmp_path: Path) -> None:
    replay = ReplayProposer(write(tmp_path, {"0001-a_deeper-model.md": BLOCK}))
    assert replay.propose(HISTORY).title == "a deeper model"


def test_a_recorded_reply_that_is_malformed_is_a_problem(tmp_path: Path) -> None:
    proposal = ReplayProposer(write(tmp_path, {"1.md": "no edit here"})).propose(HISTORY)
    assert proposal.files == {}
    assert "no edit" in proposal.problem


def test_the_end_of_the_recordings_ends_the_run_without_blame(tmp_path: Path) -> None:
    replay = ReplayProposer(write(tmp_path, {"1.md": BLOCK}))
    replay.propose(HISTORY)
    with pytest.raises(ProposalsExhausted) as caught:
        replay.propose(HISTORY)
    assert isinstance(caught.value, ProposerError)
    assert caught.value.exit_code == 0


def test_a_folder_that_is_missing_empty_or_a_file_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for name in ("missing", "empty", "file"):
        with pytest.raises(SetupError) as caught:
            ReplayProposer(tmp_path / name)
        assert caught.value.remedy


def test_a_recording_that_is_not_text_is_an_error_of_the_setup(tmp_path: Path) -> None:
    (tmp_path / "1.py").write_bytes(b"\xff\xfe")
    with pytest.raises(SetupError):
        ReplayProposer(tmp_path).propose(HISTORY)


def test_what_was_ready_when_the_best_moved_on_is_proposed_once_more_and_a_refused_one_is_not(
    tmp_path: Path,
) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"{number:04d}-n.py").write_text(f"N = {number}\n")
    replay = ReplayProposer(tmp_path)
    first = replay.propose(HISTORY)
    again = replay.propose(replace(HISTORY, mend=Mend(first, "the best moved on", stale=True)))
    after = replay.propose(replace(HISTORY, mend=Mend(first, "refused")))
    proposed = [proposal.files["train.py"] for proposal in (first, again, after)]
    assert proposed == ["N = 1\n", "N = 1\n", "N = 2\n"]
