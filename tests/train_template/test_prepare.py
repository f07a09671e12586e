from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.train_template.preparing import (
    ODD_TEXTS,
    VOCABULARY,
    prepare_stdlib,
    read_documents,
    read_manifest,
    run_prepare,
    splits,
    tokenizer,
    write_jsonl,
)


def copy_that_lands_in(split: str, text: str) -> str:
    """The text with a number at its end that makes the hash choose this split."""
    copies = (f"{text}\n{number}\n" for number in range(10_000))
    return next(copy for copy in copies if split_of(copy) == split)


def split_of(text: str) -> str:
    key = splits.hashlib.blake2b(splits.normalise(text), digest_size=16).digest()
    return str(splits.choose_split(key, None))


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
