"""Neither the key nor its header is in a record, a log line or an error, whatever the endpoint does."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest

from orchestrator.errors import ProposerError
from orchestrator.ledger.folder import Origin
from orchestrator.ledger.git import GitLedger
from orchestrator.policy import Policy, RecordsPolicy
from orchestrator.records import Action, Decision, Experiment, Objection, Verdict

from .model_parts import GOOD, HISTORY, KEY, SOURCE, proposer
from .openai_server import Broken, OpenAIServer, Raw, Reply, Status, Text

ECHOED = f"TITLE: {KEY}\nKIND: {KEY}\nHYPOTHESIS: {KEY}\ntrain.py\n```\nKEY = '{KEY}'\n```\n"
SPELT = "".join(f"\\u{ord(character):04x}" for character in KEY)
IN_JSON = f'{{"title": "{KEY}", "kind": "{KEY}", "edits": [{{"path": "{KEY}.py", "content": "{KEY}"}}]}}'
WHOLE = {"stream": Status(400, message="unknown: stream, Authorization: Bearer {key}")}
REPLIES: dict[str, Reply] = {
    "a good one": Text(GOOD),
    "text with the key": Text(ECHOED),
    "text that cannot be read": Text("no edit", echo_key=True),
    "a call with the key": Text(IN_JSON, call=True),
    "a call with the key in escapes": Text(IN_JSON.replace(KEY, SPELT), call=True),
    "a header": Text(f"{GOOD}\nAuthorization: Bearer {KEY}\n"),
    "a refusal": Text(None, refusal=f"not for {KEY}"),
    "a reason to end": Text(GOOD, finish_reason=KEY),
    "an error": Status(400, message="Authorization: Bearer {key} is bad"),
    "a key that is refused": Status(401, message="Incorrect API key provided: {key}"),
    "an error in a stream": Broken("error"),
    "a broken stream": Broken("cut"),
    "another kind of content": Raw(b"{}", content_type=f"text/{KEY}"),
    "another encoding": Raw(b"{}", encoding=KEY),
}


def recorded(folder: Path) -> bytes:
    """Every byte of a run: its files, and every object of its repository."""
    command = ["git", "--git-dir", str(folder / "repo.git"), "cat-file", "--batch-all-objects", "--batch"]
    objects = subprocess.run(command, capture_output=True, check=True).stdout
    return objects + b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def keep_record_of(server: OpenAIServer, folder: Path, records: RecordsPolicy) -> str:
    """Propose into a real ledger; what was said in an error, if there was one."""
    origin = Origin("toy", {"train.py": SOURCE}, "d" * 64, "0", policy=Policy(records=records))
    with GitLedger(folder, origin) as ledger:
        try:
            attempt = ledger.open(proposer(server).propose(HISTORY))
        except ProposerError as error:
            ledger.record("proposer_failed", message=error.message, remedy=error.remedy)
            return f"{error}{vars(error)}"
        refusal = Verdict((Objection("problem", attempt.proposal.problem or "no"),))
        ledger.close(Experiment(attempt, refusal), Decision(Action.DISCARD, "refused"))
        return ""


@pytest.mark.parametrize("kept", [False, True], ids=["digests", "kept"])
@pytest.mark.parametrize("lacks", [{}, WHOLE], ids=["stream", "whole"])
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_the_key_is_in_no_record_log_or_error(
    reply: Reply, lacks: dict[str, Status], kept: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("openai", "httpx2"):  # as much as OPENAI_LOG=debug turns on
        caplog.set_level(logging.DEBUG, logger=name)
    with OpenAIServer([reply], lacks=lacks) as server:
        said = keep_record_of(server, tmp_path / "run", RecordsPolicy(keep_prompts=kept))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    for text in (recorded(tmp_path / "run").decode(errors="replace"), said, caplog.text):
        assert KEY not in text
        assert KEY[3:15] not in text
        assert SPELT[18:60] not in text
        assert f"Bearer {KEY[:4]}" not in text
    assert "HTTP Request" in caplog.text


def test_the_search_finds_a_key_where_one_is_recorded(tmp_path: Path) -> None:
    with GitLedger(tmp_path / "run", Origin("toy", {"train.py": f"{KEY}\n"}, "d" * 64, "0")):
        pass
    assert KEY.encode() in recorded(tmp_path / "run")
