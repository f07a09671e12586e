"""What a person reads of the model's cost and of its outages."""

from __future__ import annotations

import io

import pytest

from orchestrator.records import Action, Attempt, Entry, Proposal, Spent, Usage
from orchestrator.views.console import Console
from orchestrator.views.journal import Journal
from orchestrator.views.spending import cost, duration, model_line, model_news

HOSTILE = "\x1b[2Jdown\nforged line \u202e"


def entries(*actions: Action) -> list[Entry]:
    return [Entry(n, "t", "", "p", a, "scored", 1.0, "", "c", {}) for n, a in enumerate(actions, 1)]


@pytest.mark.parametrize(
    ("spent", "said"),
    [
        (Spent(4, 41_200, 0.32), "41,200 tokens, $0.32"),
        (Spent(4, 41_200, 1234.5), "41,200 tokens, $1,234.50"),
        (Spent(4, 41_200, None), "41,200 tokens"),
        (Usage(1, 100, 50, dollars=0.00123), "150 tokens, $0.0012"),
        (Spent(), "0 tokens, $0.00"),
    ],
)
def test_a_cost_is_tokens_and_dollars_where_they_are_known(spent: Spent | Usage, said: str) -> None:
    assert cost(spent) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (720, "12 min"), (9000, "2.5 h")]
)
def test_a_duration_has_the_unit_that_it_is_read_in(seconds: float, said: str) -> None:
    assert duration(seconds) == said


K, D = Action.KEEP, Action.DISCARD


@pytest.mark.parametrize(
    ("spent", "actions", "outages", "said"),
    [
        (Spent(), (K, D), (0, 0.0), ""),
        (Spent(1, 500, 0.5), (K, D), (0, 0.0), "model: 1 request, 500 tokens, $0.50"),
        (Spent(9, 900, 3.0), (K, K, D, K), (0, 0.0), "model: 9 requests, 900 tokens, $3.00 ($1.50 per keep)"),
        (Spent(9, 900, None), (K, K, K), (0, 0.0), "model: 9 requests, 900 tokens (450 tokens per keep)"),
        (Spent(9, 900, 1.0), (), (1, 90.0), "model: 9 requests, 900 tokens, $1.00; away once, 90 s"),
        (Spent(), (K,), (3, 720.0), "model: 0 requests, 0 tokens, $0.00; away 3 times, 12 min"),
    ],
)
def test_one_line_tells_the_models_part_in_a_run(
    spent: Spent, actions: tuple[Action, ...], outages: tuple[int, float], said: str
) -> None:
    assert model_line(spent, entries(*actions), *outages) == said


def test_each_event_of_the_model_is_one_plain_line() -> None:
    went = model_news("model_went_away", {"reason": HOSTILE, "retry_seconds": 60.0})
    assert went == "the model went away: down forged line; the tuner proposes, and it is asked again in 60 s"
    back = model_news("model_came_back", {"away_seconds": 720.0, "proposals": 1})
    assert back == "the model is back after 12 min; the tuner made 1 proposal"
    spent = {"cap": "$50.00", "when_spent": "end"}
    assert model_news("model_budget_spent", spent).endswith("is spent ($50.00): the run ends")
    assert model_news("night_began", {}) == ""


def paid() -> Attempt:
    usage = Usage(1, 4000, 120, dollars=0.03)
    return Attempt(7, Proposal("an idea", {}, usage=usage), {}, seed=3, spent=Spent(9, 41_200, 1.32))


def test_the_console_says_what_an_attempt_cost_and_what_all_have() -> None:
    stream = io.StringIO()
    Console(stream).opened(paid())
    assert "4,120 tokens, $0.0300; so far 41,200 tokens, $1.32" in stream.getvalue()


def test_the_console_says_nothing_of_money_where_no_model_was_asked() -> None:
    stream = io.StringIO()
    Console(stream).opened(Attempt(7, Proposal("an idea", {}), {}, seed=3, spent=Spent(9, 41_200, 1.32)))
    assert "tokens" not in stream.getvalue()


def test_the_journal_has_the_sum_in_fields() -> None:
    stream = io.StringIO()
    Journal(stream).opened(paid())
    assert '"spent_dollars": 1.32' in stream.getvalue()
    assert '"spent_tokens": 41200' in stream.getvalue()
