"""`audit verify`: the log, the commits, the refs and the exports of a run, each held against the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from orchestrator.errors import LedgerError, SetupError
from orchestrator.exchange import Exchange
from orchestrator.ledger.audit import Event, Reading, read_lines, verify
from orchestrator.ledger.disk import refuse_link
from orchestrator.ledger.export import RESULTS, experiments, result_rows, results_tsv
from orchestrator.ledger.facts import commit_message_of
from orchestrator.ledger.folder import POLICY
from orchestrator.ledger.index import NAME as INDEX
from orchestrator.ledger.index import read_index, summary_of
from orchestrator.ledger.repo import BareRepo, Stored
from orchestrator.ledger.standing import Lines
from orchestrator.ledger.state import State, disagreements, prompt_ref
from orchestrator.policy.reading import read_yaml_mapping
from orchestrator.policy.sections import digest_of
from orchestrator.text import sanitise_line

_BATCH = 256
_EXCHANGES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be: where, and what. A harmless one is a crash's trace."""

    place: str
    problem: str
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The number and the hash of a log's line, kept elsewhere: nothing up to there can change unnoticed."""

    seq: int
    head: str

    @classmethod
    def of(cls, folder: Path) -> Anchor:
        """That of a log's last line. Raises LedgerError when the log is damaged."""
        reading = verify(folder / "audit.jsonl")
        return cls(reading.events, reading.head)

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Raises ValueError for what was not written by `str`."""
        seq, _, head = text.partition(":")
        if not re.fullmatch("[0-9a-f]{64}", head):
            raise ValueError(f"{text!r} is not a line's number and its hash")
        return cls(int(seq), head)

    def __str__(self) -> str:
        return f"{self.seq}:{self.head}"


def verify_run(folder: Path, against: Anchor | None = None) -> list[Finding]:
    """Every finding about a run folder, in the order log, commits, refs, prompts, exports; none if all agree.

    What later checks rest on is checked first: damage to the log or an object ends the list.
    """
    findings: list[Finding] = []
    try:
        findings.extend(_findings(folder, against))
    except LedgerError as error:
        place, _, problem = error.message.partition(": ")
        findings.append(Finding(place if problem else folder.name, problem or error.message))
    except (KeyError, TypeError, ValueError, OverflowError) as error:  # a rewritten log can have any shape
        problem = f"an event has a field that is missing or wrong: {type(error).__name__}: {error}"
        findings.append(Finding("audit.jsonl", sanitise_line(problem, 300)))
    return findings


def _findings(folder: Path, against: Anchor | None) -> Iterator[Finding]:
    checked = _Checked(folder)
    yield from checked.check_log(against)
    if not checked.state.created:
        raise LedgerError("audit.jsonl: is empty")
    state, repo = checked.state, BareRepo(folder / "repo.git")
    refuse_link(repo.folder)
    if not repo.folder.is_dir():
        raise LedgerError("repo.git: is missing")
    yield from _check_commits(checked, repo)
    yield from _check_refs(state, repo)
    yield from _check_exchanges(checked, repo)
    yield from _check_policy(folder, checked)
    yield from _check_exports(folder, checked, repo)


class _Checked:
    """The log, read whole and alone; `said` is what it says of each attempt's commit.

    `exchanges` has the event of each attempt whose exchange with a model is kept, `policies` the digests of
    the values of every policy that was in force.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._reading = folder, Reading()
        self.state, self.lines = State(), Lines(folder / "audit.jsonl", [])
        self.said: dict[int, dict[str, str]] = {}
        self.exchanges: dict[int, Event] = {}
        self.policies: list[str] = []

    def check_log(self, against: Anchor | None) -> Iterator[Finding]:
        reading, index, wrong, anchored = self._reading, read_index(self._folder).events, 0, False
        for line in read_lines(self._folder / "audit.jsonl", reading, curves=False):
            summary = self._take(line.event)
            if not wrong and reading.events <= len(index) and index[reading.events - 1] != summary:
                wrong = reading.events
            anchored = anchored or against == Anchor(reading.events, reading.head)
        if against and not anchored:
            yield Finding(f"audit.jsonl line {against.seq}", f"is not there with the hash {against.head}")
        if wrong:
            yield Finding(f"{INDEX} line {wrong}", f"says something else than line {wrong} of audit.jsonl")
        if reading.torn_bytes:
            problem = "is incomplete: the last write was cut short; the next start sets it aside"
            yield Finding(f"audit.jsonl line {reading.events + 1}", problem, harmless=True)

    def _take(self, event: Event) -> Event:
        summary = summary_of(event)
        self.state.apply(summary)
        self.lines.append(self._reading.good_bytes)
        if event.get("policy"):
            self.policies.append(digest_of(event["policy"]))
        if event["event"] == "attempt_opened":
            self.said[event["number"]] = _said(event)
            if prompt_ref(event["number"]) in event["refs"]:
                self.exchanges[event["number"]] = event
        return summary


def _check_commits(checked: _Checked, repo: BareRepo) -> Iterator[Finding]:
    left = iter(checked.state.opened.items())
    while batch := dict(islice(left, _BATCH)):
        objects = repo.read(event["commit"] for event in batch.values())
        repo.read_commits(objects)
        for number, opened in batch.items():
            said, found = checked.said[number], _found(objects[opened["commit"]])
            if commit_message_of(opened, said["Audit-Head"]) != _message_of(objects[opened["commit"]]):
                problem = f"the message is not what line {opened['seq']} of audit.jsonl says"
                yield Finding(f"commit of attempt {number:04d}", problem)
            for what in said.keys() - {key for key in said if said[key] == found.get(key)}:
                problem = (
                    f"{what} is {found.get(what)}, line {opened['seq']} of audit.jsonl says {said[what]}"
                )
                yield Finding(f"commit of attempt {number:04d}", problem)


def _said(opened: Event) -> dict[str, str]:
    said = {"tree": opened["tree"], "Attempt": f"{opened['number']:04d}", "Audit-Head": opened["prev"]}
    return {**said, "parent": opened["parent"]} if opened["parent"] else said


def _message_of(commit: Stored) -> str:
    return commit.data.decode(errors="replace").partition("\n\n")[2]


def _found(commit: Stored) -> dict[str, str]:
    headers = commit.data.decode(errors="replace").partition("\n\n")[0]
    trailers = _message_of(commit).rstrip("\n").rpartition("\n\n")[2]
    fields = dict(line.split(" ", 1) for line in headers.splitlines() if " " in line)
    return {**fields, **dict(line.split(": ", 1) for line in trailers.splitlines() if ": " in line)}


def _check_refs(state: State, repo: BareRepo) -> Iterator[Finding]:
    missed, foreign = disagreements(state, repo.refs())
    for ref in missed:
        yield Finding(ref, "was promised by the log and not moved; the next start moves it", harmless=True)
    for line in foreign:
        ref, _, problem = line.partition(" ")
        yield Finding(ref, problem)


def _check_exchanges(checked: _Checked, repo: BareRepo) -> Iterator[Finding]:
    left = iter(checked.exchanges.items())
    while batch := dict(islice(left, _EXCHANGES_AT_ONCE)):
        blobs = {number: event["refs"][prompt_ref(number)][1] for number, event in batch.items()}
        objects = repo.read(blobs.values())
        for number, opened in batch.items():
            if problem := _problem_of(objects[blobs[number]].data, opened):
                yield Finding(prompt_ref(number), f"{problem} line {opened['seq']} of audit.jsonl says")


def _problem_of(kept: bytes, opened: Event) -> str:
    try:
        said = Exchange.from_json(kept)
    except ValueError:
        return "is not the exchange with a model that"
    if said.prompt_sha256 != opened.get("prompt_sha256"):
        return "the prompt is not the one that"
    return "" if said.reply_sha256 == opened.get("reply_sha256") else "the reply is not the one that"


def _check_policy(folder: Path, checked: _Checked) -> Iterator[Finding]:
    """The file is written behind the event: after a kill it may still be the policy before."""
    if not checked.policies:
        return
    try:
        digest = digest_of(read_yaml_mapping(folder / POLICY))
    except SetupError as error:
        yield Finding(POLICY, f"cannot be read: {sanitise_line(error.message, 200)}")
        return
    if digest != checked.policies[-1]:
        problem = "is not the policy that the log holds as the one in force"
        yield Finding(POLICY, problem, harmless=digest in checked.policies)


def _check_exports(folder: Path, checked: _Checked, repo: BareRepo) -> Iterator[Finding]:
    state = checked.state
    if state.closed:
        yield from _compared(folder, RESULTS, results_tsv(result_rows(state), state.measure.name))
    for number, files in experiments(state, checked.lines, repo, state.in_folders):
        for name, data in files.items():
            yield from _compared(folder, f"experiments/{number:04d}/{name}", data)


def _compared(folder: Path, name: str, expected: bytes) -> Iterator[Finding]:
    try:
        problem = "" if (folder / name).read_bytes() == expected else "differs from the log"
    except OSError:
        problem = "is missing"
    if problem:
        yield Finding(name, f"{problem}; it can be made again from the log")
