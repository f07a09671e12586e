"""Downloads against a real HTTP server that misbehaves on request."""

from __future__ import annotations

import importlib
import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.train_template.hub import Hub, digest
from tests.train_template.preparing import run_prepare

corpus = importlib.import_module("corpus")
download = importlib.import_module("corpus.download")
sources = importlib.import_module("corpus.sources")


def parquet(texts: list[str]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), buffer, compression="none")
    return buffer.getvalue()


SHARD = parquet([f"text {number} " * 40 for number in range(2000)])


def fetch(hub: Hub, path: Path) -> bytes:
    hub.files["/a.parquet"] = SHARD
    check = sources._check_parquet
    download.download(f"{hub.url}/a.parquet", path, check=check, report=lambda *_: None, first_wait=0.01)
    return path.read_bytes()


def test_a_file_comes_whole_and_leaves_nothing_beside_it(hub: Hub, tmp_path: Path) -> None:
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_cut_connection_is_resumed_where_it_ended(hub: Hub, tmp_path: Path) -> None:
    hub.faults.extend(["cuts", "cuts"])
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    half = len(SHARD) // 2
    assert hub.ranges == [None, f"bytes={half}-", f"bytes={half + (len(SHARD) - half) // 2}-"]


def test_more_cuts_than_tries_do_not_matter_while_there_is_progress(hub: Hub, tmp_path: Path) -> None:
    hub.faults.extend(["cuts"] * (download.FAILURES_IN_A_ROW + 4))
    assert fetch(hub, tmp_path / "a.parquet") == SHARD


@pytest.mark.parametrize("with_digest", [True, False])
@pytest.mark.parametrize(
    "faults",
    [
        ["busy", "busy"],
        ["cuts", "ignores the range"],
        ["says less"],
        ["says more"],
        ["damages"],
        ["cuts", "damages"],
        ["cuts", "busy", "cuts", "says more"],
    ],
    ids=" then ".join,
)
def test_the_file_is_right_after_any_fault(
    hub: Hub, tmp_path: Path, faults: list[str], with_digest: bool
) -> None:
    hub.names_digest = with_digest
    hub.faults.extend(faults)
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    assert not hub.faults
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_file_that_changed_on_the_server_is_not_glued_to_the_old_half(hub: Hub, tmp_path: Path) -> None:
    other = parquet([f"other {number} " * 40 for number in range(2000)])
    (tmp_path / "a.parquet.part").write_bytes(other[: len(other) // 2])
    (tmp_path / "a.parquet.part.etag").write_text(f'"{digest(other)[:16]}"')
    assert fetch(hub, tmp_path / "a.parquet") == SHARD
    assert hub.ranges == [f"bytes={len(other) // 2}-"]


@pytest.mark.parametrize("fault", ["busy", "damages", "says less"])
def test_a_fault_that_does_not_end_is_reported(hub: Hub, tmp_path: Path, fault: str) -> None:
    hub.faults.extend([fault] * 50)
    with pytest.raises(corpus.DataError, match="then run again"):
        fetch(hub, tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()


def test_a_missing_file_is_reported_at_once(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(corpus.DataError, match="404"):
        download.download(f"{hub.url}/none", tmp_path / "x", check=lambda _: None, report=lambda *_: None)


def test_a_server_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(corpus.DataError, match="the connection failed"):
        download.download(
            "http://127.0.0.1:9/a",
            tmp_path / "x",
            check=lambda _: None,
            report=lambda *_: None,
            first_wait=0.001,
        )


def stories(name: str, count: int) -> list[str]:
    """Texts that share no 50 bytes with one another."""
    return [
        " ".join(digest(f"{name} {number} {word}".encode())[:9] for word in range(60))
        for number in range(count)
    ]


def fetch_and_prepare(source: str, out: Path, *options: str) -> tuple[int, str]:
    result = run_prepare("--source", source, "--vocab-size", "300", "--out", out, *options)
    return result.returncode, result.stderr


def test_climbmix_holds_out_the_pinned_shard_alone(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", hub.url)
    first, second, pinned = stories("first", 60), stories("second", 60), stories("pinned", 40)
    shards = {0: first, 1: second, 6542: [*pinned, first[0], second[0]]}
    for number, texts in shards.items():
        hub.files[f"/{sources.CLIMBMIX}/shard_{number:05d}.parquet"] = parquet(texts)
    hub.faults.extend(["cuts", "busy"])
    out = tmp_path / "data" / "climbmix-300"
    assert fetch_and_prepare("climbmix", out, "--shards", "2") == (0, "")
    documents = json.loads((out / "manifest.json").read_text())["documents"]
    assert documents["kept"]["train"] == 120
    assert documents["kept"]["val"] + documents["kept"]["holdout"] == 40
    assert min(documents["kept"].values()) > 5
    assert documents["duplicate"] == 2
    requests = len(hub.ranges)
    assert fetch_and_prepare("climbmix", out, "--shards", "2") == (0, "")
    assert len(hub.ranges) == requests


def test_tinystories_comes_in_its_four_files(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", hub.url)
    for name in sources.TINYSTORIES_FILES:
        hub.files[f"/{sources.TINYSTORIES}/{name}"] = parquet(stories(name, 50))
    out = tmp_path / "data" / "tinystories-300"
    assert fetch_and_prepare("tinystories", out) == (0, "")
    assert json.loads((out / "manifest.json").read_text())["documents"]["read"] == 200
    assert len(list((tmp_path / "data" / "downloads" / "tinystories").iterdir())) == 4


def test_a_shard_that_is_not_there_is_one_line_and_exit_2(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", hub.url)
    code, err = fetch_and_prepare("climbmix", tmp_path / "data", "--shards", "1")
    assert code == 2
    assert re.fullmatch(r"prepare: http://\S+shard_0\d+\.parquet: the server answered 404 [^\n]+\n", err)


def test_an_address_that_is_no_web_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_DATA_URL", "file:///etc")
    code, err = fetch_and_prepare("climbmix", tmp_path / "data")
    assert (code, "is no http address" in err) == (2, True)
