"""What the challenge makes of an honest model, in real containers; test_metric_cheats has the others."""

from __future__ import annotations

import pytest

from orchestrator.records import Action
from orchestrator.scoring.claims import ClaimsScorer
from orchestrator.scoring.held_out import held_out_of
from tests.docker.conftest import ROW_TOKENS, Station

pytestmark = pytest.mark.docker


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
