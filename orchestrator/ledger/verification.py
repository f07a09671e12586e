"""`audit verify`: the log, the commits, the refs and the exports of a run, each held against the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.audit import read_events, verify
from orchestrator.ledger.disk import refuse_link
from orchestrator.ledger.export import experiment_files, result_rows, results_tsv
from orchestrator.ledger.repo import BareRepo, Stored
from orchestrator.ledger.state import State, disagreements, fold


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be: where, and what. A harmless one is a crash's trace."""

    place: str
    problem: str
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


def verify_run(folder: Path) -> list[Finding]:
    """Every finding about a run folder, in the order log, commits, refs, exports; empty when all agree.

    What later checks rest on is checked first: damage to the log or an object ends the list.
    """
    findings: list[Finding] = []
    try:
        findings.extend(_findings(folder))
    except LedgerError as error:
        place, _, problem = error.message.partition(": ")
        findings.append(Finding(place if problem else folder.name, problem or error.message))
    return findings


def _findings(folder: Path) -> Iterator[Finding]:
    report = verify(folder / "audit.jsonl")
    if report.torn_bytes:
        where = f"audit.jsonl line {report.events + 1}"
        problem = "is incomplete: the last write was cut short; the next start sets it aside"
        yield Finding(where, problem, harmless=True)
    state, repo = fold(read_events(folder / "audit.jsonl")), BareRepo(folder / "repo.git")
    refuse_link(repo.folder)
    if not repo.folder.is_dir():
        raise LedgerError("repo.git: is missing")
    yield from _check_commits(state, repo)
    yield from _check_refs(state, repo)
    yield from _check_exports(folder, state, repo)


def _check_commits(state: State, repo: BareRepo) -> Iterator[Finding]:
    objects = repo.read(state.refs.values())
    repo.read_commits(event["commit"] for event in state.opened.values())
    for number, opened in state.opened.items():
        said, found = _said(state, number), _found(objects[opened["commit"]])
        for what in said.keys() - {key for key in said if said[key] == found.get(key)}:
            problem = f"{what} is {found.get(what)}, line {opened['seq']} of audit.jsonl says {said[what]}"
            yield Finding(f"commit of attempt {number:04d}", problem)


def _said(state: State, number: int) -> dict[str, str]:
    opened = state.opened[number]
    said = {"tree": opened["tree"], "Attempt": f"{number:04d}", "Audit-Head": opened["prev"]}
    return {**said, "parent": opened["parent"]} if opened["parent"] else said


def _found(commit: Stored) -> dict[str, str]:
    headers, _, message = commit.data.decode(errors="replace").partition("\n\n")
    trailers = message.rstrip("\n").rpartition("\n\n")[2]
    fields = dict(line.split(" ", 1) for line in headers.splitlines() if " " in line)
    return {**fields, **dict(line.split(": ", 1) for line in trailers.splitlines() if ": " in line)}


def _check_refs(state: State, repo: BareRepo) -> Iterator[Finding]:
    missed, foreign = disagreements(state, repo.refs())
    for ref in missed:
        yield Finding(ref, "was promised by the log and not moved; the next start moves it", harmless=True)
    for line in foreign:
        ref, _, problem = line.partition(" ")
        yield Finding(ref, problem)


def _check_exports(folder: Path, state: State, repo: BareRepo) -> Iterator[Finding]:
    expected = {"results.tsv": results_tsv(result_rows(state), state.measure.name)} if state.closed else {}
    for number in state.closed:
        for name, data in experiment_files(state, repo, number).items():
            expected[f"experiments/{number:04d}/{name}"] = data
    for name, data in expected.items():
        problem = _export_problem(folder / name, data)
        if problem:
            yield Finding(name, f"{problem}; it can be made again from the log")


def _export_problem(path: Path, expected: bytes) -> str:
    try:
        return "" if path.read_bytes() == expected else "differs from the log"
    except OSError:
        return "is missing"
