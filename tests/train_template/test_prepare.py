from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PREPARE = Path(__file__).parents[2] / "train_template" / "prepare.py"
VOCABULARY = 400
ODD_TEXTS = [
    "emoji 🙂👩‍👩‍👧‍👦 and flags 🇩🇪, 日本語, العربية, a\u0301 combining",
    "controls \x00\x01\x1b[0m\x7f\x85\u2028 and a byte order mark \ufeff",
    "line ends \r\n\r\n\n\r and \t tabs   and   runs      of spaces   \n",
    "numbers 1 12 123 1234567890 and it's, we'll, THEY'RE",
    "the marker <|bos|> and <|reserved_1|> as plain text",
    "x" * 5000,
    " " * 3000 + "end",
]

prepare = importlib.import_module("prepare")
splits = importlib.import_module("corpus.splits")
tokenizer = importlib.import_module("corpus.tokenizer")


def run_prepare(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What the command line does, without the price of another process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = prepare.main([str(each) for each in arguments])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def write_jsonl(path: Path, texts: Iterable[str]) -> Path:
    lines = [json.dumps({"name": "x", "text": text}) + "\n" for text in texts]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def library_texts(count: int = 250, most_bytes: int = 9_000) -> list[str]:
    """Real text that is on every machine: small modules of this Python."""
    paths = sorted(Path(os.__file__).parent.rglob("*.py"))
    ours = (path for path in paths if "site-packages" not in str(path))
    small = (path for path in ours if 300 < path.stat().st_size < most_bytes)
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in small)
    return [text for _, text in zip(range(count), texts, strict=False)]


def prepare_stdlib(documents: Path, out: Path) -> subprocess.CompletedProcess[str]:
    options = ["--source", "stdlib", "--vocab-size", str(VOCABULARY)]
    return run_prepare(*options, "--documents", documents, "--out", out)


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def read_documents(folder: Path, split: str) -> list[bytes]:
    """Cut a token file at its BOS tokens and spell each document with the manifest's bytes."""
    manifest = read_manifest(folder)
    spelled = [bytes.fromhex(token) for token in manifest["token_bytes"]]
    tokens = np.memmap(folder / f"{split}.bin", dtype="<u2", mode="r")
    starts = [int(at) for at in np.flatnonzero(tokens == manifest["bos_id"])]
    ends = [*starts[1:], len(tokens)]
    pairs = zip(starts, ends, strict=True)
    return [b"".join(spelled[token] for token in tokens[at + 1 : end]) for at, end in pairs]


def copy_that_lands_in(split: str, text: str) -> str:
    """The text with a number at its end that makes the hash choose this split."""
    copies = (f"{text}\n{number}\n" for number in range(10_000))
    return next(copy for copy in copies if split_of(copy) == split)


def split_of(text: str) -> str:
    key = splits.hashlib.blake2b(splits.normalise(text), digest_size=16).digest()
    return str(splits.choose_split(key, None))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [*library_texts(), *ODD_TEXTS]


@pytest.fixture(scope="module")
def documents(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("documents") / "docs.jsonl", texts)


@pytest.fixture(scope="module")
def prepared(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "stdlib-400"
    result = prepare_stdlib(documents, out)
    assert (result.returncode, result.stderr) == (0, "")
    return out


def test_the_bytes_of_its_tokens_are_exactly_the_document(prepared: Path, texts: list[str]) -> None:
    originals = {text.encode() for text in texts}
    stored = [each for split in splits.SPLITS for each in read_documents(prepared, split)]
    assert len(stored) > 200
    assert set(stored) <= originals
    odd = {text.encode() for text in ODD_TEXTS} & set(stored)
    assert len(odd) >= len(ODD_TEXTS) - 1, "at most one of them was dropped as standing in training text"


def test_no_document_stands_in_two_splits_or_twice(prepared: Path) -> None:
    stored = [each.decode() for split in splits.SPLITS for each in read_documents(prepared, split)]
    assert len({splits.normalise(text) for text in stored}) == len(stored)


def test_the_manifest_counts_what_the_files_hold(prepared: Path) -> None:
    manifest = read_manifest(prepared)
    for split in splits.SPLITS:
        tokens = np.memmap(prepared / f"{split}.bin", dtype="<u2", mode="r")
        assert tokens[0] == manifest["bos_id"]
        assert tokens.max() < manifest["vocab_size"] == VOCABULARY
        assert len(tokens) == manifest["tokens"][split]
        assert len(read_documents(prepared, split)) == manifest["documents"]["kept"][split] > 0


def test_the_tokenizer_file_agrees_with_the_manifest_and_reserves_the_last_four(prepared: Path) -> None:
    stored = json.loads((prepared / "tokenizer.json").read_text(encoding="utf-8"))
    manifest = read_manifest(prepared)
    assert stored["tokens"] == manifest["token_bytes"]
    assert stored["tokens"][-4:] == [""] * 4
    assert stored["special_tokens"]["<|bos|>"] == manifest["bos_id"] == VOCABULARY - 4
    assert set(stored["special_tokens"].values()) == set(range(VOCABULARY - 4, VOCABULARY))


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_the_stored_tokenizer_reads_back_what_it_wrote(prepared: Path, text: str) -> None:
    encoding = tokenizer.load_encoding(prepared / "tokenizer.json")
    tokens = encoding.encode_ordinary(text)
    assert encoding.decode_bytes(tokens) == text.encode()
    assert max(tokens) < VOCABULARY - 4


def test_two_runs_give_the_same_checksums(prepared: Path, documents: Path, tmp_path: Path) -> None:
    assert prepare_stdlib(documents, tmp_path / "again").returncode == 0
    assert read_manifest(tmp_path / "again") == read_manifest(prepared)


def test_a_folder_that_matches_is_left_as_it_is(prepared: Path, documents: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in prepared.glob("*.*")}
    result = prepare_stdlib(documents, prepared)
    assert (result.returncode, result.stdout) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in prepared.glob("*.*")} == before


def test_a_damaged_folder_is_noticed_and_made_again(documents: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    assert prepare_stdlib(documents, out).returncode == 0
    good = read_manifest(out)
    with (out / "val.bin").open("r+b") as file:
        file.write(b"\xff\xff")
    noticed = run_prepare("--verify", out)
    assert noticed.returncode == 2
    assert "val.bin: does not match its checksum" in noticed.stderr
    assert "made again" in prepare_stdlib(documents, out).stdout
    assert read_manifest(out) == good
    assert run_prepare("--verify", out).returncode == 0


def test_other_inputs_make_the_folder_again(documents: Path, texts: list[str], tmp_path: Path) -> None:
    out = tmp_path / "data"
    assert prepare_stdlib(documents, out).returncode == 0
    fewer = write_jsonl(tmp_path / "fewer.jsonl", texts[:-20])
    assert prepare_stdlib(fewer, out).returncode == 0
    assert read_manifest(out)["documents"]["read"] == len(texts) - 20


def test_what_a_killed_run_left_is_cleared_away(documents: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    (out / ".building-left").mkdir(parents=True)
    (out / ".building-left" / "train.spool").write_text("half")
    (out / "train.bin").write_bytes(b"half")
    assert prepare_stdlib(documents, out).returncode == 0
    assert not list(out.glob(".building-*"))
    assert run_prepare("--verify", out).returncode == 0


def test_duplicates_in_other_spelling_are_dropped(texts: list[str], tmp_path: Path) -> None:
    plain = [text for text in texts[:40] if text.upper().casefold() == text.casefold()]
    twins = [text.upper().replace(" ", "  ") for text in plain]
    out = tmp_path / "data"
    assert prepare_stdlib(write_jsonl(tmp_path / "d.jsonl", [*texts, *twins]), out).returncode == 0
    assert len(twins) > 20
    assert read_manifest(out)["documents"]["duplicate"] >= len(twins)


def test_a_held_out_document_that_stands_in_training_text_is_dropped(
    texts: list[str], tmp_path: Path
) -> None:
    learned = next(text for text in texts if split_of(text) == "train" and len(text) > 5000)
    copied = copy_that_lands_in("val", learned)
    fresh = copy_that_lands_in("val", " ".join(f"{number * 7919:x}" for number in range(800)))
    out = tmp_path / "data"
    assert prepare_stdlib(write_jsonl(tmp_path / "d.jsonl", [*texts, copied, fresh]), out).returncode == 0
    kept = read_documents(out, "val")
    assert fresh.encode() in kept
    assert copied.encode() not in kept
    assert learned.encode() in read_documents(out, "train")


def test_a_folder_gives_its_texts_lines_and_columns(texts: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "deep").mkdir(parents=True)
    for number, text in enumerate(texts[:50]):
        (folder / "deep" / f"{number}.txt").write_bytes(text.encode())
    write_jsonl(folder / "some.jsonl", texts[50:100])
    rows = {"text": [*texts[100:], None], "n": range(len(texts) - 99)}
    pq.write_table(pa.table(rows), folder / "more.parquet")
    (folder / "ignored.pdf").write_bytes(b"%PDF")
    out = tmp_path / "data"
    result = run_prepare("--source", f"folder:{folder}", "--vocab-size", "400", "--out", out)
    assert (result.returncode, result.stderr) == (0, "")
    assert read_manifest(out)["documents"]["read"] == len(texts)


def test_one_large_text_is_cut_into_documents(texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    lines = [line for text in texts for line in text.splitlines()]
    numbered = "".join(f"{number} {line}\n" for number, line in enumerate(lines * 9))
    (tmp_path / "texts" / "all.txt").write_text(numbered, encoding="utf-8")
    out = tmp_path / "data"
    result = run_prepare("--source", f"folder:{tmp_path / 'texts'}", "--vocab-size", "400", "--out", out)
    assert (result.returncode, result.stderr) == (0, "")
    assert read_manifest(out)["documents"]["read"] >= len(numbered) // (1 << 16)


def test_bytes_that_are_no_text_become_replacement_characters(texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    write_jsonl(tmp_path / "texts" / "a.jsonl", [*texts, "a lone surrogate \ud800 in here"])
    (tmp_path / "texts" / "b.txt").write_bytes(b"\xff\xfe broken \x80 text")
    out = tmp_path / "data"
    result = run_prepare("--source", f"folder:{tmp_path / 'texts'}", "--vocab-size", "400", "--out", out)
    assert (result.returncode, result.stderr) == (0, "")
    stored = {each for split in splits.SPLITS for each in read_documents(out, split)}
    assert "\ufffd\ufffd broken \ufffd text".encode() in stored
    assert b"a lone surrogate ? in here" in stored


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
