"""The ledger of a run on disk: intent into the audit log first, then the ref, so that no kill tears them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.deciding.evidence import Evidence
from orchestrator.errors import LedgerError
from orchestrator.ledger import facts
from orchestrator.ledger.audit import AuditLog, Clock, Event, utc_now
from orchestrator.ledger.disk import RunLock
from orchestrator.ledger.evidence import Tally, evidence_of
from orchestrator.ledger.folder import (
    Origin,
    Step,
    adopt_repository,
    check_folder,
    check_origin,
    create_run,
    reconcile,
    write_policy,
)
from orchestrator.ledger.index import Index, summary_of
from orchestrator.ledger.paths import committable, shown
from orchestrator.ledger.repo import BareRepo
from orchestrator.ledger.retention import is_full, kept_exchange, kept_log, records_policy
from orchestrator.ledger.shelf import Shelf
from orchestrator.ledger.standing import read_standing
from orchestrator.ledger.state import (
    BEST,
    BOUND_RAISED,
    BOUND_REACHED,
    TEMPLATE,
    attempt_ref,
    log_ref,
    prompt_ref,
)
from orchestrator.records import (
    Action,
    Attempt,
    Decision,
    Experiment,
    Files,
    History,
    Proposal,
    Underway,
    Verdict,
)

MOST_LOOSE_REFS = 256
INTERRUPTED_TWICE = "interrupted twice"
_OWN_EVENTS = frozenset(
    {
        "run_created", "attempt_opened", "attempt_resumed", "attempt_measured", "attempt_closed",
        BOUND_REACHED, BOUND_RAISED,
    }
)  # fmt: skip


class GitLedger:
    """The port Ledger over `audit.jsonl` and a bare `repo.git`; one process at a time in a folder.

    Opening makes the run or takes it up again: checks the chain, completes what a crash cut short,
    and raises SetupError (folder in use, foreign, or of another task or policy) or LedgerError
    (damage, or refs moved by foreign hands) with nothing touched. `at` is told each durable step.
    """

    def __init__(
        self, folder: Path, origin: Origin, *, clock: Clock = utc_now, at: Step = lambda _: None
    ) -> None:
        check_folder(folder)
        self.folder, self._clock, self._at = folder, clock, at
        self._turn = threading.RLock()
        self._stopped = False
        with ExitStack() as held:
            self._lock = RunLock(folder)
            held.callback(self._lock.release)
            self._take_up(origin, held)
            self._held = held.pop_all()

    def _take_up(self, origin: Origin, held: ExitStack) -> None:
        log = self.folder / "audit.jsonl"
        standing = read_standing(self.folder, indexing=True) if log.exists() else None
        self._audit = AuditLog(log, clock=self._clock, read=standing.reading if standing else None)
        held.callback(self._audit.close)
        created = self._audit.count == 0
        if created:
            create_run(self.folder, self._audit, origin, self._clock, self._at)
        if standing is None or created:
            standing = read_standing(self.folder, indexing=True)
        self._state, self._lines, self._tally = standing.state, standing.lines, Tally(standing.state)
        succession = check_origin(self.folder, self._state, origin)
        adopt_repository(self.folder)
        self._at("create:repository")
        self._repo = BareRepo(self.folder / "repo.git", held_fds=(self._lock.fd,))
        completed = reconcile(self._state, self._repo)
        self._pack_refs()
        self._shelf = Shelf(self.folder, self._state, self._lines, self._repo)
        self._files = self._shelf.files
        self._interrupted = self._state.still_open
        self._index = Index(self.folder, standing.index)
        held.callback(self._index.close)
        self._index.write(standing.beyond)
        if not created:
            torn = self._audit.torn_bytes
            self.record("run_resumed", version=origin.version, torn_bytes=torn, completed_refs=completed)
            if succession:
                self.record(succession.event, **succession.fields)
            write_policy(self.folder, origin)
            self._shelf.export_what_is_missing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.release()

    def release(self) -> None:
        """Let go of the folder; the run can be taken up again at any time."""
        with self._turn:  # whoever is in the middle of a step, in the background, ends it first
            self._stopped = True
            self._pack_refs()
            self._held.close()

    def _pack_refs(self) -> None:
        with suppress(LedgerError):  # it is only for speed
            self._repo.pack_refs(MOST_LOOSE_REFS)

    @property
    def created(self) -> Event:
        """The event `run_created`: task, policy digest, version, template digests, seed base."""
        return dict(self._state.created)

    @property
    def lessons(self) -> Event | None:
        """The last event `lessons_written`."""
        with self._turn:
            return self._state.lessons

    def history(self) -> History:
        with self._turn:
            best, evidence = self._state.best or self._state.refs[TEMPLATE], self.evidence()
            return History(
                self._files[best],
                evidence.best_value,
                self._shelf.entries,
                best_number=self._state.best_number or 0,
                best_commit=self._state.best,
                underway=tuple(self._underway(number) for number in self._state.still_open),
                noise=evidence.noise,
                gather=self._shelf.gather,
            )

    def _underway(self, number: int) -> Underway:
        opened = self._state.opened[number]
        return Underway(number, opened["title"], opened["hypothesis"], self._files[opened["commit"]])

    def evidence(self, of: int | None = None) -> Evidence:
        with self._turn:
            return evidence_of(self._tally, self._state, self._files, of, self._shelf.best_curve)

    def next_run(self, number: int) -> Attempt:
        """See the port. Raises KeyError for an attempt that was never opened."""
        with self._turn:
            attempt = self._attempt(number)
            run = len(self._state.runs_of(number)) + 1
            return replace(attempt, seed=facts.draw_seed(self._state.created["seed_base"], number, run))

    def recover(self) -> Attempt | None:
        """The oldest attempt that was open when the last process ended, to be run once more; else None.

        One that was interrupted a second time is closed as a discard.
        """
        with self._turn:
            while self._interrupted:
                number = self._interrupted.pop(0)
                if number not in self._state.undecided:
                    continue
                attempt = self._attempt(number)
                self._at("resume:begin")
                if number not in self._state.resumed:
                    self._append("attempt_resumed", number=number)
                    self._at("resume:event")
                    return attempt
                self.close(Experiment(attempt, Verdict()), Decision(Action.DISCARD, INTERRUPTED_TWICE))
            return None

    def take_up_again(self) -> None:
        """Have `recover` give the attempts that are open now, as at the next start."""
        with self._turn:
            self._interrupted = self._state.still_open

    def _attempt(self, number: int) -> Attempt:
        opened, base = self._lines.event(self._state.opened[number]["seq"]), self._state.base_of(number)
        return facts.attempt_from(opened, self._files[opened["commit"]], self._files[base])

    @property
    def best(self) -> str | None:
        """See the port."""
        with self._turn:
            return self._state.best

    def open(self, proposal: Proposal, base: str | None = None) -> Attempt:
        """Commit the proposal's files over its base's, and the intent, before anything runs.

        Paths that must not become paths of a tree stay out of the commit; `files` still holds them,
        for the gate to refuse. Text that is not Unicode is committed with `?` and becomes a `problem`.
        """
        with self._turn, self._stopping():
            self._at("open:begin")
            self._heed_bound()
            number, parent = len(self._state.opened) + 1, base or self._state.best
            base_files = self._files[parent or self._state.refs[TEMPLATE]]
            seed = facts.draw_seed(self._state.created["seed_base"], number)
            attempt = facts.planned(number, proposal, base_files, parent, seed)
            inside = committable(attempt.files)
            files = {path: text for path, text in attempt.files.items() if path in inside}
            tree = self._write_tree(files)
            message = facts.commit_message(number, attempt.proposal, self._audit.head)
            commit = self._repo.write_commit(tree, parent, message, self._clock())
            attempt = replace(attempt, commit=commit, spent=self._state.spent.plus(proposal.usage))
            self._files[attempt.commit] = files
            said = kept_exchange(self._state, proposal)
            kept = {prompt_ref(number): (None, self._repo.write_blob(said))} if said else {}
            moves = {attempt_ref(number): (None, commit), **kept}
            self._at("open:objects")
            self._append(
                "attempt_opened",
                **facts.opened_fields(attempt),
                tree=tree,
                stored_bytes=len(said) + facts.bytes_of(attempt.proposal.files),
                changed=sorted(inside & attempt.proposal.files.keys()),
                left_out=sorted(shown(path) for path in attempt.files.keys() - inside),
                refs=moves,
            )
            self._at("open:event")
            self._repo.move(moves)
            self._at("open:ref")
            return attempt

    def _write_tree(self, files: Files) -> str:
        return self._repo.write_tree(
            {path: self._repo.write_blob(text.encode()) for path, text in files.items()}
        )

    def measure(self, experiment: Experiment, serving: int) -> None:
        """See the port. Raises LedgerError for a run that serves no open attempt."""
        with self._turn, self._stopping():
            self._at("measure:begin")
            self._heed_bound()
            number = experiment.attempt.number
            if not number == serving == self._state.best_number:
                self._open_event(serving)
            if number not in {serving, self._state.best_number}:
                message = f"attempt {number:04d} is neither attempt {serving:04d} nor the best"
                raise LedgerError(message, remedy="this is a fault of ours: report it")
            log = kept_log(self._state, experiment.run.log if experiment.run else "")
            ref = log_ref(number, len(self._state.runs_of(number)) + 1)
            moves = {ref: (None, self._repo.write_blob(log))} if log else {}
            self._at("measure:objects")
            fields = facts.measured_fields(experiment, serving)
            self._append("attempt_measured", **fields, stored_bytes=len(log), refs=moves)
            self._at("measure:event")
            self._repo.move(moves)
            self._at("measure:refs")
            self._shelf.take_log(number, log.decode())
            if number in self._state.closed:
                self._shelf.export(number)

    def close(self, experiment: Experiment, decision: Decision) -> None:
        """Record what was decided; on keep, move the best by compare-and-swap; then write the exports.

        Raises LedgerError for an attempt that is not open, and for a keep without a value or of files
        that are not all in its commit.
        """
        with self._turn, self._stopping():
            self._at("close:begin")
            self._heed_bound()
            number = experiment.attempt.number
            values = self._state.values_of(number)
            moves = self._moves_of(number, decision, values)
            self._append("attempt_closed", **facts.closed_fields(experiment, decision, values), refs=moves)
            self._at("close:event")
            self._repo.move(moves)
            self._at("close:refs")
            self._shelf.export(number)
            self._at("close:exports")

    def _open_event(self, number: int) -> Event:
        if number not in self._state.still_open:
            message = f"attempt {number:04d} is not open"
            raise LedgerError(message, remedy="this is a fault of ours: report it")
        return self._state.opened[number]

    def _moves_of(
        self, number: int, decision: Decision, values: list[float]
    ) -> dict[str, tuple[str | None, str]]:
        opened = self._open_event(number)
        if decision.action is not Action.KEEP:
            return {}
        unlike = {kind for kind in self._state.kinds_of(number) if kind is not self._state.measure.verified}
        if not values or unlike or opened["left_out"]:
            message = (
                f"attempt {number:04d} cannot be kept: no value of this run's kind, or uncommitted files"
            )
            raise LedgerError(message, remedy="this is a fault of ours: report it")
        return {BEST: (self._state.best, opened["commit"])}

    def record(self, event: str, /, **fields: Any) -> None:
        """Add one event that belongs to no attempt. Raises ValueError for a name that is the ledger's."""
        with self._turn:
            if event in _OWN_EVENTS:
                raise ValueError(f"{event} is written by the ledger itself")
            self._at("record:begin")
            self._append(event, **facts.plain(fields))
            self._at("record:event")

    def _heed_bound(self) -> None:
        """Say once that the run has reached the bound of its size, or that the bound was raised above it."""
        if is_full(self._state, self._audit) is not self._state.bounded:
            event = BOUND_RAISED if self._state.bounded else BOUND_REACHED
            self._append(event, max_run_mib=records_policy(self._state).max_run_mib)
            self._at("bound:event")

    def _append(self, event: str, /, **fields: Any) -> None:
        line = self._audit.append(event, **fields)
        summary = summary_of(line.event)
        self._lines.append(self._audit.size)
        self._index.add(line, summary)
        self._state.apply(summary)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """After an error past a durable event nothing more is written: the next start completes it."""
        if self._stopped:
            raise LedgerError(
                "the ledger stopped at an earlier error", remedy="start the run again: it goes on"
            )
        before = self._audit.count
        try:
            yield
        except BaseException:
            self._stopped = self._audit.count != before
            raise
