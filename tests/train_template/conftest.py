from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.train_template.hub import Hub
from tests.train_template.preparing import ODD_TEXTS, library_texts, prepare_stdlib, write_jsonl


@pytest.fixture(scope="package")
def texts() -> list[str]:
    return [*library_texts(), *ODD_TEXTS]


@pytest.fixture(scope="package")
def documents(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("documents") / "docs.jsonl", texts)


@pytest.fixture(scope="package")
def prepared(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "stdlib-400"
    result = prepare_stdlib(documents, out)
    assert (result.returncode, result.stderr) == (0, "")
    return out


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
