"""The dashboard by real requests: read only, for this machine alone, live, and nothing on disk changes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.ledger.git import GitLedger
from orchestrator.watching import RunSource
from tests.ledger.ledger_parts import DISCARD, KEEP, ORIGIN, from_model, proposal, run_night, scored, settle
from tests.views.dashboard_parts import Page, dashboard

HOSTILE = "\x1b[2J\u202e<script>window.owned=1</script>"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("web") / "runs"
    run_night(runs / "night")
    with GitLedger(runs / "night", ORIGIN) as ledger:
        hostile = ledger.open(proposal(4, title=HOSTILE, files={"train.py": f"DEPTH = 9  # {HOSTILE}\n"}))  # type: ignore[arg-type]
        settle(ledger, scored(hostile, 2.25, log=f"{HOSTILE}\n"), DISCARD)
        ledger.record("night_began", proposer="tuner", gpu=None)
        ledger.record("night_ended", reason="the time is up")
    return runs


@pytest.fixture(scope="module")
def page(finished: Path) -> Iterator[Page]:
    with dashboard(finished) as served:
        yield served


def told(page: Page, cursor: str = "") -> dict[str, Any]:
    """What a page that stands at a cursor is told until it is up to date."""
    seen: dict[str, Any] = {"rows": [], "names": []}
    with page.events(cursor) as events:
        for name, data, after in events:
            seen["names"].append(name)
            if name == "rows":
                seen["rows"] += data
            elif name == "head":
                seen["head"] = data
            if after:
                seen["cursor"] = after
            if name == "ready":
                break
    return seen


@pytest.mark.parametrize(
    "path", ["/", "/main.js", "/page.css", "/events", "/attempts/1", "/none", "/attempts/99"]
)
def test_every_answer_forbids_all_that_is_foreign_and_inline(page: Page, path: str) -> None:
    response, _ = page.ask(path, "HEAD")
    policy = response.headers["content-security-policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:9999", "LOCALHOST:1"])
def test_its_own_names_are_answered_at_any_port(page: Page, host: str) -> None:
    assert page.ask(headers={"Host": host})[0].status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.2",
     "127.0.0.1@evil.example", "evil.example@127.0.0.1", "[::1", "", "localhost:port"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/events", "/attempts/1"])
def test_a_foreign_name_is_refused_whatever_is_asked(page: Page, host: str, path: str) -> None:
    response, body = page.ask(path, headers={"Host": host})
    assert response.status == 421
    assert b"depth" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_only_reading_is_answered(page: Page, method: str) -> None:
    response, _ = page.ask("/attempts/1", method)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["/../web.py", "/..%2fweb.py", "/%2e%2e/web.py", "//etc/passwd", "/index.html/..", "/attempts/-1",
             "/attempts/0", "/attempts/99999999999999999999", "/compare/1/99", "/compare/1"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(page: Page, path: str) -> None:
    assert page.ask(path)[0].status == 404


def test_it_listens_on_the_loopback_address_alone(page: Page) -> None:
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    here = [
        line.split()[1]
        for line in listening
        if line.split()[1].endswith(f":{page.port:04X}") and line.split()[3] == "0A"
    ]
    assert here == [f"0100007F:{page.port:04X}"]


def test_a_page_is_told_everything_the_newest_first_and_later_only_what_is_new(page: Page) -> None:
    seen = told(page)
    assert seen["names"] == ["reset", "head", "rows", "ready"]
    assert [row["n"] for row in seen["rows"]] == [4, 3, 2, 1]
    assert [row["outcome"] for row in seen["rows"]] == ["discard", "keep", "discard", "keep"]
    assert seen["head"]["kept"] == [1, 3]
    assert seen["head"]["state"] == "ended: the time is up"
    assert seen["head"]["answer"].startswith("The best is 1.500000 bits per byte")
    assert told(page, seen["cursor"])["names"] == ["head", "ready"]


@pytest.mark.parametrize("cursor", ["00000000-4", "junk", "9" * 5000, "-1"])
def test_a_cursor_of_another_server_starts_anew(page: Page, cursor: str) -> None:
    assert told(page, cursor)["names"] == ["reset", "head", "rows", "ready"]


def test_one_attempt_has_its_story_its_edit_and_its_logs(page: Page) -> None:
    found = page_json(page, "/attempts/1")
    assert [section["name"] for section in found["sections"]] == [
        "proposed", "verdict", "run 1", "run 2", "decision",
    ]  # fmt: skip
    assert ["removed", "-DEPTH = 1"] in found["diff"]
    assert [(each["run"], each["text"]) for each in found["logs"]] == [
        (2, "the best once more\n"),
        (1, "step 1\n"),
    ]


def test_digests_of_prompt_and_reply_are_told_though_the_index_leaves_them_out(tmp_path: Path) -> None:
    asked = from_model()
    with GitLedger(tmp_path / "night", ORIGIN) as ledger:
        ledger.open(asked)
    source = RunSource(tmp_path / "night")
    source.look()
    proposed = source.attempt(1)["sections"][0]["lines"]
    assert f"prompt sha256  {asked.prompt_sha256}" in proposed
    assert f"reply sha256   {asked.reply_sha256}" in proposed


def test_two_attempts_are_compared_by_facts_settings_and_diff(page: Page) -> None:
    found = page_json(page, "/compare/2/3")
    assert ["decision", "discard", "keep"] in found["facts"]
    assert ["DEPTH", "3", "4"] in found["settings"]
    assert found["alike"] == 1
    assert ["removed", "-DEPTH = 3"] in found["diff"]
    assert ["added", "+DEPTH = 4"] in found["diff"]


def test_no_control_or_hidden_character_reaches_the_page(page: Page) -> None:
    texts = [page.ask(path)[1].decode() for path in ("/attempts/4", "/compare/1/4")]
    texts.append(str(told(page)))
    for text in texts:
        assert "<script>window.owned=1</script>" in text
        assert "\\u001b" not in text
        assert "\\u202e" not in text
        assert "\x1b" not in text


def page_json(page: Page, path: str) -> Any:
    response, body = page.ask(path)
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    return json.loads(body)


def test_nothing_on_disk_changes_and_the_run_can_be_taken_up_meanwhile(
    finished: Path, tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(finished, tmp_path / "runs"))
    before = listing(runs)
    with dashboard(runs) as page:
        for path in ("/", "/attempts/1", "/attempts/4", "/compare/1/3"):
            assert page.ask(path)[0].status == 200
        assert told(page)["rows"]
        assert listing(runs) == before
        GitLedger(runs / "night", ORIGIN).release()
        assert listing(runs) != before


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return {str(path): (stat.st_mtime_ns, stat.st_size) for path, stat in found}


def test_many_pages_are_told_and_one_that_never_reads_keeps_nobody_waiting(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with GitLedger(runs / "night", ORIGIN) as ledger, dashboard(runs, "--tag", "night") as page:
        deaf = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(20)]
        for each in deaf:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            each.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with page.events() as events:
            wait_for(events, lambda name, _: name == "ready")
            memory = resident_kib(page)
            for number in range(1, 151):
                long = {"title": f"{number} " + "t" * 300, "hypothesis": "deeper"}
                settle(
                    ledger,
                    scored(ledger.open(proposal(number, **long)), 2.0),
                    KEEP if number == 1 else DISCARD,
                )
            wait_for(
                events,
                lambda name, rows: name == "rows" and any(row["n"] == 150 and row["value"] for row in rows),
            )
        assert resident_kib(page) - memory < 40_000
        for each in deaf:
            each.close()


def wait_for(events: Iterator[tuple[str, Any, str]], wanted: Any) -> None:
    assert any(wanted(name, data) for name, data, _ in islice(events, 1000))


def resident_kib(page: Page) -> int:
    status = Path(f"/proc/{page.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_a_log_that_is_replaced_or_gone_is_said_and_then_told_anew(finished: Path, tmp_path: Path) -> None:
    runs = Path(shutil.copytree(finished, tmp_path / "runs"))
    log = runs / "night/audit.jsonl"
    whole = log.read_bytes()
    with dashboard(runs) as page, page.events() as events:
        wait_for(events, lambda name, _: name == "ready")
        log.rename(tmp_path / "away")
        wait_for(events, lambda name, head: name == "head" and "cannot be read" in str(head["needs"]))
        log.write_bytes(whole.replace(b'"value":2.5', b'"value":0.5'))
        wait_for(events, lambda name, _: name == "reset")
        wait_for(events, lambda name, head: name == "head" and "was changed" in str(head["needs"]))


def test_a_port_in_use_is_an_error_when_it_was_asked_for(
    page: Page, finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTORESEARCH_RUNS", str(finished))
    assert main(["dashboard", "--port", str(page.port)]) == 2
    assert f"port {page.port} of 127.0.0.1 is in use" in capsys.readouterr().err
    assert main(["dashboard", "--tag", "none"]) == 2


def test_ctrl_c_ends_it_at_once_while_pages_are_open(finished: Path) -> None:
    with dashboard(finished) as page, page.events() as events:
        wait_for(events, lambda name, _: name == "ready")
        page.process.send_signal(2)
        assert page.process.wait(timeout=20) == 0
        assert page.process.stderr is not None
        assert page.process.stderr.read() == ""


def test_a_table_of_results_is_shown_without_a_run(tmp_path: Path) -> None:
    table = Path(__file__).parents[1] / "ledger/data/mar8_results.tsv"
    with dashboard(tmp_path, "--results", str(table)) as page:
        seen = told(page)
        assert len(seen["rows"]) == 126
        assert seen["head"]["state"] == "a table of results"
        assert page_json(page, "/attempts/119")["row"]["outcome"] == "keep"
        assert page_json(page, "/compare/1/119")["diff"] == []


def test_the_engine_is_not_needed(finished: Path) -> None:
    environment = {"DOCKER_HOST": "unix:///nowhere", "AUTORESEARCH_RUNS": str(finished)}
    command = [sys.executable, "-c", LOOKED]
    found = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["4"]


LOOKED = """
from pathlib import Path
import os
from orchestrator.watching import RunSource
print(len(RunSource(Path(os.environ["AUTORESEARCH_RUNS"]) / "night").look().rows))
"""
