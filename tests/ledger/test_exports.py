from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.ledger.export import COLUMNS, ResultRow, read_results_tsv, rebuild, results_tsv
from orchestrator.ledger.git import GitLedger
from orchestrator.ledger.verification import verify_run
from tests.ledger.ledger_parts import (
    DISCARD,
    KEEP,
    ORIGIN,
    crashed,
    proposal,
    refused,
    run_night,
    scored,
    settle,
)

UPSTREAM = Path(__file__).parent / "data/mar8_results.tsv"


def test_upstreams_own_night_is_read_whole() -> None:
    rows = read_results_tsv(UPSTREAM)
    assert len(rows) == 126
    best = min((row for row in rows if row.val_bpb is not None), key=lambda row: row.val_bpb or 0.0)
    assert best.val_bpb == 0.969686
    assert [row.val_bpb for row in rows if row.status == "crash"] == [None]


def test_upstreams_own_night_is_written_back_byte_for_byte() -> None:
    assert results_tsv(read_results_tsv(UPSTREAM)) == UPSTREAM.read_bytes()


INJECTIONS = [
    "a\tkeep\n0.1\tkeep",
    "x\r\ny",
    "x\x00y",
    "\x1b]52;c;x\x07",
    "=cmd|'/c calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    '"never closed',
    "'quoted",
    "\t=1",
    " =1",
    "\u202eevil",
    "\x85next",
    "\u2028line",
    "\uff1d1",
    "\u200b=1",
    "",
]


@pytest.mark.parametrize("title", INJECTIONS, ids=range(len(INJECTIONS)))
def test_a_description_stays_one_cell_of_one_row(tmp_path: Path, title: str) -> None:
    path = tmp_path / "results.tsv"
    path.write_bytes(results_tsv([ResultRow("abc1234", 1.0, 2.0, "discard", title)]))
    lines = path.read_bytes().split(b"\n")
    assert (len(lines), lines[1].count(b"\t"), lines[2]) == (3, 4, b"")
    row = read_results_tsv(path)[0]
    assert (row.val_bpb, row.status, row.description.isprintable()) == (1.0, "discard", True)
    assert not row.description.startswith(("=", "+", "-", "@", '"', "\uff1d"))
    with path.open(newline="") as file:
        assert len(list(csv.reader(file, delimiter="\t"))) == 2


def test_results_tell_keeps_discards_and_crashes_and_leave_refused_ones_out(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    with GitLedger(folder, ORIGIN) as ledger:
        settle(ledger, scored(ledger.open(proposal(1)), 2.0), KEEP)
        settle(ledger, scored(ledger.open(proposal(2)), 2.5), DISCARD)
        settle(ledger, refused(ledger.open(proposal(3))), DISCARD)
        settle(ledger, crashed(ledger.open(proposal(4))), DISCARD)
    lines = [line.split("\t") for line in (folder / "results.tsv").read_text().splitlines()]
    assert tuple(lines[0]) == COLUMNS
    assert [cells[1:] for cells in lines[1:]] == [
        ["2.000000", "2.0", "keep", "depth 2"],
        ["2.500000", "2.0", "discard", "depth 3"],
        ["0.000000", "0.0", "crash", "depth 5"],
    ]


def test_an_experiments_folder_holds_edit_log_result_and_score(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        settle(ledger, scored(ledger.open(proposal(1)), 2.0, log="a\x1b[31mb\x07\r\nc\td\n"), KEEP)
    folder = tmp_path / "night/experiments/0001"
    assert (folder / "edit.diff").read_text().splitlines()[-2:] == ["-DEPTH = 1", "+DEPTH = 2"]
    assert (folder / "log.txt").read_bytes() == b"ab\nc\td\n"
    assert json.loads((folder / "result.json").read_text())["outcome"] == "completed"
    assert json.loads((folder / "score.json").read_text())["score"]["value"] == 2.0


def exports_of(folder: Path) -> dict[str, bytes]:
    paths = [
        folder / "results.tsv",
        *(path for path in (folder / "experiments").rglob("*") if path.is_file()),
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_every_export_can_be_made_again(night: Path) -> None:
    before = exports_of(night)
    shutil.rmtree(night / "experiments")
    (night / "results.tsv").write_text("spoilt")
    rebuild(night)
    assert exports_of(night) == before
    assert len(before) == 2 + 3 * 4


def test_exports_that_are_missing_come_back_when_the_run_is_taken_up(tmp_path: Path) -> None:
    run_night(tmp_path / "night")
    shutil.rmtree(tmp_path / "night/experiments/0002")
    (tmp_path / "night/results.tsv").unlink()
    GitLedger(tmp_path / "night", ORIGIN).release()
    assert verify_run(tmp_path / "night") == []


HEADER = "\t".join(COLUMNS)
BAD_FILES = [
    "",
    "commit\tval_bpb\n",
    f"{HEADER}\na\tb\tc\td\te\n",
    f"{HEADER}\na\tnan\t1\tkeep\te\n",
    f"{HEADER}\na\t1\t1\tgreat\te\n",
    f"{HEADER}\na\t1\t1\tkeep\te\tf\n",
]


@pytest.mark.parametrize("text", BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_file_that_is_no_results_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.tsv"
    path.write_text(text)
    with pytest.raises(SetupError, match=r"results\.tsv( line 2)?: is not a"):
        read_results_tsv(path)
