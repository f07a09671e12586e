from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.train_template.preparing import PREPARE, run_prepare, write_jsonl


def bad_inputs(folder: Path, documents: Path) -> dict[str, tuple[list[str], str]]:
    """Each kind of bad input: the arguments, and what the one line says."""
    (folder / "empty").mkdir()
    (folder / "blank").mkdir()
    (folder / "blank" / "a.txt").write_text(" \n")
    (folder / "columns").mkdir()
    pq.write_table(pa.table({"content": ["x"]}), folder / "columns" / "a.parquet")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "a.parquet").write_bytes(b"PAR1 no PAR1")
    (folder / "a_file").write_text("x")
    stdlib = ["--source", "stdlib", "--documents"]
    few = write_jsonl(folder / "few.jsonl", ["one document", "and another"])
    half = folder / "half.jsonl"
    half.write_text('{"name": "x", "te', encoding="utf-8")
    no_text = folder / "no_text.jsonl"
    no_text.write_text('{"name": "x"}\n', encoding="utf-8")
    return {
        "an empty folder": (["--source", f"folder:{folder / 'empty'}"], "holds no .txt"),
        "a folder of blanks": (["--source", f"folder:{folder / 'blank'}"], "has no text"),
        "no such folder": (["--source", f"folder:{folder / 'none'}"], "no such folder"),
        "no text column": (["--source", f"folder:{folder / 'columns'}"], "no column 'text' (it has content)"),
        "a damaged parquet": (["--source", f"folder:{folder / 'damaged'}"], "cannot be read"),
        "an unknown source": (["--source", "floppy"], "is not known"),
        "no documents named": (["--source", "stdlib"], "needs its documents"),
        "no documents file": ([*stdlib, str(folder / "none.jsonl")], "no such file"),
        "half a line": ([*stdlib, str(half)], "half.jsonl:1: is not JSON"),
        "a line without text": ([*stdlib, str(no_text)], "no_text.jsonl:1: has no text"),
        "too few documents": ([*stdlib, str(few)], "none is left for"),
        "a vocabulary below bytes": ([*stdlib, str(documents), "--vocab-size", "259"], "not in 260 to 65535"),
        "a vocabulary past the text": (
            [*stdlib, str(documents), "--vocab-size", "65535"],
            "too small for 65535",
        ),
        "no shards": (["--source", "climbmix", "--shards", "0"], "--shards 0"),
        "an output that is a file": (
            [*stdlib, str(documents), "--out", str(folder / "a_file")],
            "not a folder",
        ),
        "an output below a file": (
            [*stdlib, str(documents), "--out", str(folder / "a_file" / "x")],
            "a_file",
        ),
        "nothing to verify": (["--verify", str(folder / "none")], "no readable manifest.json"),
    }


def test_bad_input_is_one_line_with_a_remedy_and_exit_2(documents: Path, tmp_path: Path) -> None:
    for name, (arguments, words) in bad_inputs(tmp_path, documents).items():
        out = tmp_path / "out" / name.replace(" ", "-")
        result = run_prepare("--out", out, *arguments)
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), (name, result.stderr)
        assert words in result.stderr, (name, result.stderr)
        assert " — " in result.stderr, name
        assert not list(out.glob("manifest.json")), name
        assert not list(out.glob(".building-*")), name


def test_no_space_left_is_one_line_and_leaves_nothing(documents: Path, tmp_path: Path) -> None:
    command = f'ulimit -f 64; exec {sys.executable} {PREPARE} "$@"'
    options = ["--source", "stdlib", "--documents", str(documents), "--out", str(tmp_path / "data")]
    result = subprocess.run(
        ["bash", "-c", command, "prepare", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert "no space left to write" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == [".lock"]
