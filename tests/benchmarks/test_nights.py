"""The simulator: what a night comes to when the truth is known."""

from __future__ import annotations

from tests.benchmarks.nights import RUNS, Defaults, Heavy, Shrinking, greedy, play, sequential


def test_without_noise_greedy_keeps_no_false_change_and_claims_what_it_gained() -> None:
    night = play(Shrinking(), 0.0, greedy, 1)
    assert night.false == 0
    assert abs(night.claimed - night.gain) < 1e-12


def test_with_noise_greedy_claims_more_than_it_gained() -> None:
    nights = [play(Shrinking(), 3e-3, greedy, seed) for seed in range(20)]
    assert sum(night.claimed for night in nights) > 1.1 * sum(night.gain for night in nights)


def test_every_repeat_costs_a_proposal() -> None:
    assert play(Shrinking(), 1e-3, greedy, 1).tried == RUNS
    assert play(Shrinking(), 1e-3, sequential(Defaults()), 1).tried < RUNS - 2


def test_a_night_is_the_same_for_the_same_seed() -> None:
    rule = sequential(Defaults())
    assert play(Heavy(), 1e-3, rule, 3, runs=30) == play(Heavy(), 1e-3, rule, 3, runs=30)


def test_in_the_heavy_world_a_share_helps_and_no_effect_is_without_bound() -> None:
    world = Heavy()
    effects = [world.effect(part / 1000, 1.0, 0.0) for part in range(1000)]
    assert sum(effect > 0 for effect in effects) == 400
    assert -1.0 <= min(effects) < max(effects) <= world.most
