"""What the challenge makes of models that lie, in real containers, and of one that does not."""

from __future__ import annotations

import pytest

from orchestrator.records import Action, Attempt
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import held_out_of
from tests.docker.conftest import ROW_TOKENS, Station, attempt_of, candidate

pytestmark = pytest.mark.docker

LIES = {
    "by_looking_ahead": "predictions used later tokens",
    "by_looking_ahead_rarely": "predictions used later tokens",
    "with_its_own_loss": "predictions did not sum to one",
    "with_the_batch": "predictions depended on other rows",
    "by_learning": "predictions ",  # how it is named depends on what it has learned by then
    "by_the_process": "predictions changed between passes",
    "with_more_columns": "forward gives 264 logits a token, not 260",
}


def lying(name: str) -> Attempt:
    return attempt_of(candidate(f"cheats_{name}"))


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_with_a_reason_that_names_it(station: Station, name: str) -> None:
    run = station.sandbox.run(lying(name))
    assert run.completed, run.log
    score = station.scorer.score(run, lambda _: Action.REPEAT)
    assert score.value is None
    assert LIES[name] in score.reason


@pytest.mark.parametrize("name", ["by_looking_ahead", "with_its_own_loss"])
def test_the_same_lie_wins_where_claims_are_believed(station: Station, name: str) -> None:
    believed = station.scorer.score(station.sandbox.run(lying(name)), lambda _: Action.DISCARD)
    _, honest = station.run_and_score("honest")
    assert believed.value is not None
    assert honest.value is not None
    assert believed.value < honest.value - 0.5


def test_an_honest_model_is_corrected_by_rounding_alone(station: Station) -> None:
    _, score = station.run_and_score("honest")
    challenge = score.details["challenge"]
    assert score.value == pytest.approx(challenge["claimed_value"], abs=1e-6)
    assert abs(challenge["worst_nats"]) < 1e-4
    assert (challenge["lies"], challenge["cuts"]) == (0, 64)


def test_what_would_not_be_kept_is_not_challenged_and_nothing_is_left(station: Station) -> None:
    run = station.run("honest")
    score = station.scorer.score(run, lambda _: Action.DISCARD)
    assert score.value is not None
    assert "challenge" not in score.details
    with pytest.raises(ValueError, match="is gone"), station.sandbox.open(run):
        pass


def test_the_last_batch_of_a_challenge_has_the_shape_of_all_others(station: Station) -> None:
    held_out = held_out_of(station.data, rows=30, length=ROW_TOKENS, batch_rows=8)
    scorer = ClaimsScorer(station.sandbox, held_out, station.metric)
    score = scorer.score(station.run("honest"), lambda _: Action.REPEAT)
    assert score.details["challenge"]["lies"] == 0
