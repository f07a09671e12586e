"""The log's format is what its README says: a program in another language checks it, and anchors hold it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.ledger.audit import GENESIS, canonical
from orchestrator.ledger.verification import Anchor, verify_run
from tests.ledger.ledger_parts import git

PERL = Path(__file__).with_name("verify.pl")


def checked_by_perl(log: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["perl", str(PERL), str(log)], capture_output=True, text=True, check=False)


def test_twenty_lines_of_perl_find_the_same_head(night: Path) -> None:
    assert len(PERL.read_text().splitlines()) < 25
    done = checked_by_perl(night / "audit.jsonl")
    assert (done.stdout.strip(), done.stderr) == (str(Anchor.of(night)), "")


def test_perl_leaves_a_torn_last_line_out_as_we_do(night: Path) -> None:
    before = str(Anchor.of(night))
    with (night / "audit.jsonl").open("ab") as log:
        log.write(b'{"event":"attempt_op')
    assert checked_by_perl(night / "audit.jsonl").stdout.strip() == before == str(Anchor.of(night))


DEEDS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a value changed": (
        lambda lines: [line.replace(b'"value":2.5', b'"value":0.5') for line in lines],
        "line 6: was changed",
    ),
    "a line taken out": (lambda lines: [*lines[:3], *lines[4:]], "line 4: does not follow"),
    "two lines swapped": (lambda lines: [lines[0], lines[2], *lines[1:]], "line 2: does not follow"),
    "a space put in": (
        lambda lines: [lines[0], lines[1].replace(b",", b", ", 1), *lines[2:]],
        "line 2: was changed",
    ),
    "no record": (lambda lines: [lines[0], b"[]\n", *lines[1:]], "line 2: is not a record"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_perl_finds_the_first_broken_line(night: Path, deed: str) -> None:
    tamper, expected = DEEDS[deed]
    log = night / "audit.jsonl"
    log.write_bytes(b"".join(tamper(log.read_bytes().splitlines(keepends=True))))
    done = checked_by_perl(log)
    assert (done.stdout, done.stderr.strip()) == ("", expected)
    assert done.returncode != 0
    assert verify_run(night)[0].place == f"audit.jsonl {expected.split(':')[0]}"


def rewrite(log: Path, change: Callable[[bytes], bytes]) -> None:
    """The whole log written anew with a sound chain, as somebody with the run folder in their hands can."""
    head, lines = GENESIS, []
    for line in log.read_bytes().splitlines():
        event = json.loads(change(line)) | {"prev": head}
        del event["hash"]
        head = event["hash"] = hashlib.sha256(canonical(event)).hexdigest()
        lines.append(canonical(event) + b"\n")
    log.write_bytes(b"".join(lines))


def test_a_log_written_anew_disagrees_with_the_head_in_the_kept_commits(night: Path) -> None:
    rewrite(night / "audit.jsonl", lambda line: line)
    assert verify_run(night) == [], "written anew without a change it is the same"
    rewrite(night / "audit.jsonl", lambda line: line.replace(b":2.5", b":2.25").replace(b"[2.5]", b"[2.25]"))
    assert checked_by_perl(night / "audit.jsonl").returncode == 0
    assert any(str(f).startswith("commit of attempt 0003: Audit-Head is ") for f in verify_run(night))


def test_each_kept_commit_holds_the_head_that_it_was_opened_on(night: Path) -> None:
    hashes = [json.loads(line)["hash"] for line in (night / "audit.jsonl").read_bytes().splitlines()]
    trailers = git(night, "log", "--format=%(trailers:key=Audit-Head,valueonly)", "best").split()
    assert len(trailers) == 2
    assert set(trailers) < set(hashes)


def test_an_anchor_that_was_kept_shows_that_the_end_was_changed(
    night: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTORESEARCH_RUNS", str(night.parent))
    verify = ["audit", "verify", "--tag", night.name]
    assert main([*verify, "--anchor"]) == 0
    anchor = capsys.readouterr().out.split()[-1]
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", anchor)
    assert main([*verify, "--against", anchor]) == 0
    rewrite(night / "audit.jsonl", lambda line: line.replace(b'"reason":"better by 0.1"', b'"reason":"luck"'))
    assert main([*verify, "--against", anchor]) == 6
    seq, head = anchor.split(":")
    assert f"audit.jsonl line {seq}: is not there with the hash {head}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "7", "x:y", f"-:{'a' * 64}", f"7:{'A' * 64}"])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a line's number|invalid literal"):
        Anchor.parse(text)
