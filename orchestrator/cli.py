"""The command line. Every verb ends in an exit code; errors are one line and a remedy."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import looking, policy_verbs, verbs, watching
from orchestrator.agents.verb import serve_agents
from orchestrator.errors import OrchestratorError
from orchestrator.ledger.verification import Anchor
from orchestrator.proving import verb as proving
from orchestrator.proving.program import GROUPS
from orchestrator.proving.prove import PROGRAMS
from orchestrator.text import sanitise_line
from orchestrator.trying import try_file
from orchestrator.views.console import Console

TASK = Path("train_template")
POLICY = Path("policies/default.yaml")
ERROR_CHARACTERS = 2000
MOST_HOURS = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb of the command line and give its exit code."""
    arguments = build_parser().parse_args(argv)
    return ended(lambda: arguments.verb(arguments))


def ended(verb: Callable[[], int]) -> int:
    """The verb's exit code, or that of its error's class, or 130 when interrupted.

    An error is a line and a remedy; what it quotes may be a candidate's or a model's text.
    """
    Console.lost = None
    try:
        code = verb()
        if lost := Console.lost:
            remedy = "make room where it goes; the work itself is done"
            raise OrchestratorError(f"the output could not be written: {lost.strerror}", remedy=remedy)
        return code
    except OrchestratorError as error:
        sys.stderr.write(f"autoresearch: {sanitise_line(error.message, ERROR_CHARACTERS)}\n")
        if error.remedy:
            sys.stderr.write(f"  remedy: {sanitise_line(error.remedy, ERROR_CHARACTERS)}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("autoresearch: interrupted; the record is whole, run it again to go on\n")
        return 130
    except BrokenPipeError:
        return 0


def build_parser() -> argparse.ArgumentParser:
    """Every verb with its options."""
    parser = argparse.ArgumentParser(
        prog="autoresearch", description="A model edits train.py all night, each edit in a sealed container."
    )
    verbs_ = parser.add_subparsers(required=True, metavar="VERB")
    _add_run(verbs_)
    _add_try(verbs_)
    _add_mcp(verbs_)
    _tagged(_verb(verbs_, "status", verbs.status, "show where a run stands"))
    _add_prove(verbs_)
    _add_data(verbs_)
    _with_bench(_verb(verbs_, "doctor", verbs.doctor, "check this machine; a remedy for each miss"))
    reap = _verb(verbs_, "reap", verbs.reap_orphans, "remove containers and volumes of dead runs")
    reap.add_argument("--all", action="store_true", help="also those of runs that are still alive")
    audit = verbs_.add_parser("audit", help="look after the audit log").add_subparsers(required=True)
    verify = _tagged(_verb(audit, "verify", verbs.audit_verify, "check log, commits, refs and exports"))
    verify.add_argument("--anchor", action="store_true", help="print SEQ:HEAD, to be kept elsewhere")
    verify.add_argument("--against", type=_anchor, metavar="SEQ:HEAD", help="an anchor that was kept")
    _add_show(audit)
    _add_report(verbs_)
    _add_dashboard(verbs_)
    _add_export(verbs_)
    _add_policy(verbs_)
    return parser


def _add_policy(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    policy = group.add_parser("policy", help="work on policy files").add_subparsers(required=True)
    check = _verb(policy, "check", policy_verbs.check, "name every problem of policy files")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.add_argument("--task", type=Path, default=TASK, help=f"default: {TASK}")
    explain = _verb(policy, "explain", policy_verbs.explain, "every key: value, origin, container flags")
    explain.add_argument("file", type=Path, metavar="FILE")
    explain.add_argument("--changed", action="store_true", help=f"only what {POLICY} has otherwise")
    diff = _verb(policy, "diff", policy_verbs.diff, "each change: tighter, looser or other; exit 1 if looser")
    diff.add_argument("before", type=Path, metavar="A")
    diff.add_argument("after", type=Path, metavar="B")
    again = _verb(policy, "replay", policy_verbs.replay, "a night's attempts held against another policy")
    again.add_argument("file", type=Path, metavar="FILE")
    again.add_argument("--run", default="", metavar="TAG", help="the run's name (default: the newest)")
    again.add_argument("--task", type=Path, default=TASK, help=f"default: {TASK}")
    _verb(policy, "schema", policy_verbs.schema, "print the JSON Schema of policy files")


def _add_run(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _with_bench(_verb(group, "run", verbs.run, "the loop; a run that exists is resumed"))
    run.add_argument("--tag", default="overnight", help="the run's name, a folder below runs/")
    run.add_argument("--hours", type=_hours, help="stop after so many hours, counted from this start")
    run.add_argument("--experiments", type=_count, help="stop after so many trained attempts of this start")
    run.add_argument("--proposer", default="auto", help="auto, openai, tuner or replay:FOLDER")
    run.add_argument("--data", type=Path, help="a prepared data folder (default: the profile's)")
    run.add_argument("--allow-loosen", action="store_true", help="go on under a looser policy; recorded")


def _add_try(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    attempt = _with_bench(_verb(group, "try", try_file, "one file through gate, sandbox and scorer"))
    attempt.add_argument("file", type=Path, metavar="FILE", help="a train.py; committed only with --tag")
    attempt.add_argument("--tag", default="", help="make it an attempt of this run, decided and recorded")
    attempt.add_argument("--as", dest="proposer", default="", metavar="NAME", help="who the records name")
    attempt.add_argument("--json", action="store_true", help="print one JSON object")
    attempt.add_argument("--seed", type=_seed, help="the seed that the run gets (default: 1)")
    attempt.add_argument("--data", type=Path, help="a prepared data folder (default: the profile's)")


def _add_mcp(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    agents = _with_bench(_verb(group, "mcp", serve_agents, "serve an agent on standard input and output"))
    agents.add_argument("--tag", default="agents", help="the run's name, a folder below runs/")
    agents.add_argument("--hours", type=_hours, default=8.0, help="let go of the run after so many (8)")
    agents.add_argument("--data", type=Path, help="a prepared data folder (default: the profile's)")


def _add_prove(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    prove = _with_bench(_verb(group, "prove", proving.prove_policy, "hostile programs against the policy"))
    prove.add_argument("--runtime", choices=("runc", "runsc"), help="default: the policy's")
    prove.add_argument("--group", action="append", default=[], choices=GROUPS, help="again for more")
    prove.add_argument("--programs", type=Path, default=PROGRAMS, help="default: the project's own")
    prove.add_argument("--json", action="store_true", help="print one JSON object")


def _add_data(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    data = _with_bench(_verb(group, "data", verbs.prepare_data, "prepare the task's data"))
    data.add_argument("--source", default="", help="stdlib, folder:PATH, climbmix or tinystories")
    data.add_argument("--out", type=Path, help="the folder to prepare (default: below data/)")


def _add_report(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    report = _tagged(_verb(group, "report", looking.report, "report.html and progress.png of a run"))
    report.add_argument("--out", type=Path, help="the folder for both (default: the run's)")
    report.add_argument("--results", type=Path, metavar="FILE", help="a results.tsv instead of a run")


def _add_dashboard(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    page = _tagged(
        _verb(group, "dashboard", watching.dashboard, "a live page of a run, on this machine alone")
    )
    page.add_argument("--port", type=_port, help="default: 8765, or the next that is free")
    page.add_argument("--results", type=Path, metavar="FILE", help="a results.tsv instead of a run")


def _add_show(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = _tagged(
        _verb(group, "show", looking.audit_show, "read the log; with a number one attempt's story")
    )
    show.add_argument("number", nargs="?", type=int, metavar="N", help="tell the whole of this attempt")
    show.add_argument("--attempt", type=int, action="append", default=[], help="again for more")
    show.add_argument("--event", action="append", default=[], help="such as attempt_closed; again for more")
    show.add_argument("--outcome", action="append", default=[], help="such as keep, crashed, refused")
    show.add_argument("--since", type=_time, help="a time in UTC, such as 2026-11-24T22:30")
    show.add_argument("--until", type=_time, help="a time in UTC, itself left out")
    show.add_argument("--text", default="", help="words that stand anywhere in the event")
    show.add_argument("--json", action="store_true", help="the events as the log has them, one a line")


def _add_export(group: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = _tagged(_verb(group, "export", looking.export, "carry a run elsewhere"))
    export.add_argument("--tensorboard", type=Path, metavar="DIR", help="event files into a new folder")
    export.add_argument("--branch", default="", help="the kept commits as this new branch of --repo")
    export.add_argument("--repo", type=Path, default=Path(), help="a git repository (default: here)")


def _anchor(text: str) -> Anchor:
    try:
        return Anchor.parse(text)
    except ValueError:
        message = f"{text!a:.80} is none: give what --anchor printed, a line's number, a colon and 64 digits"
        raise argparse.ArgumentTypeError(message) from None


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!a:.80} is no time: write it as 2026-11-24T22:30"
        raise argparse.ArgumentTypeError(message) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _whole(least: int, most: int, what: str) -> Callable[[str], int]:
    """Reads a whole number between two others."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
            raise argparse.ArgumentTypeError(f"{text!a:.80} is none: {what} is from {least} to {most}")
        return int(text)

    return read


_seed = _whole(0, 2**31 - 1, "a seed")
_port = _whole(0, 65_535, "a port")
_count = _whole(1, 1_000_000, "a number of experiments")


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!a:.80} is none: give hours, up to {MOST_HOURS}")
    return hours


def _with_bench(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--policy", type=Path, default=POLICY, help=f"default: {POLICY}")
    parser.add_argument("--task", type=Path, default=TASK, help=f"default: {TASK}")
    return parser


def _tagged(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--tag", default="", help="the run's name (default: the newest)")
    return parser


def _verb(
    group: argparse._SubParsersAction[argparse.ArgumentParser], name: str, function: verbs.Verb, summary: str
) -> argparse.ArgumentParser:
    parser = group.add_parser(name, help=summary, description=summary)
    parser.set_defaults(verb=function)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
