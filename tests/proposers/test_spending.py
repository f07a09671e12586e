"""What a proposal costs, and what a start is told to cost before it costs anything."""

from __future__ import annotations

import math

import pytest

from orchestrator.errors import SetupError
from orchestrator.policy import ModelPolicy, Price
from orchestrator.proposers.spending import Estimate, expect, price_of, priced
from orchestrator.records import Spent, Usage

PRICE = Price(input=1.0, output=10.0, cached=0.1)


@pytest.mark.parametrize(
    ("usage", "price", "dollars"),
    [
        (Usage(1, 1_000_000, 100_000), PRICE, 2.0),
        (Usage(1, 1_000_000, 100_000, cached_tokens=500_000), PRICE, 1.55),
        (Usage(1, 1_000_000, 0, cached_tokens=500_000), Price(input=1.0, output=10.0), 1.0),
        (Usage(1, 1_000_000, 0, cached_tokens=9_000_000), PRICE, 0.1),
        (Usage(1, 1000, 1000), Price(input=0, output=0), 0.0),
        (Usage(1, 1000, 1000), None, None),
        (Usage(1), PRICE, None),
        (Usage(), PRICE, 0.0),
        (Usage(), None, 0.0),
    ],
    ids=[
        "read and written",
        "cached tokens at their own price",
        "or at that of the others",
        "never more cached than read",
        "a model that is free",
        "no price",
        "an endpoint that counts nothing",
        "nothing asked",
        "nothing asked, no price",
    ],
)
def test_dollars_follow_from_tokens_and_prices(
    usage: Usage, price: Price | None, dollars: float | None
) -> None:
    got = priced(usage, price).dollars
    assert got == (None if dollars is None else pytest.approx(dollars))


@pytest.mark.parametrize(
    ("proposer", "known"), [("openai:m", True), ("openai:llama3:8b", True), ("openai:x", False), ("m", False)]
)
def test_a_price_belongs_to_the_model_that_the_proposer_names(proposer: str, known: bool) -> None:
    assert (price_of(proposer, {"m": PRICE, "llama3:8b": PRICE}) is PRICE) is known


def test_a_sum_with_an_unknown_part_is_unknown_and_free_proposals_change_nothing() -> None:
    paid = Spent().plus(Usage(1, 10, 5, dollars=0.5)).plus(Usage()).plus(Usage(2, 20, 5, dollars=0.25))
    assert paid == Spent(3, 40, 0.75)
    unknown = paid.plus(Usage(1, 1, 1))
    assert unknown == Spent(4, 42, None)
    assert unknown.plus(Usage(1, 1, 1, dollars=1.0)) == Spent(5, 44, None)


def test_an_estimate_says_requests_tokens_dollars_its_assumption_and_the_caps() -> None:
    policy = ModelPolicy(prices={"m": PRICE})
    (line,) = expect("m", 8000, policy).lines(policy, 95.2)
    assert line == (
        "m: about 96 requests, 1,152,000 tokens, $4.61; each reads 8,000 tokens at first and writes 4,000 "
        "(assumed); caps of this start: 1,000 requests, 20,000,000 tokens, $50.00"
    )


def test_a_night_without_an_end_is_reckoned_to_the_cap_of_requests() -> None:
    policy = ModelPolicy(requests=10, prices={"m": PRICE})
    (line,) = expect("m", 6000, policy).lines(policy, math.inf)
    assert line.startswith("m: about 10 requests, 100,000 tokens, $0.46;")


def test_a_model_without_a_price_is_named_with_the_cap_that_does_not_bind() -> None:
    policy = ModelPolicy()
    estimate, notice = expect("m", 8000, policy).lines(policy, 2)
    assert estimate.startswith("m: about 2 requests, 24,000 tokens; each")
    assert notice == "no price is known for m: the cap of $50.00 does not bind"


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        ({"dollars": 0.01, "prices": {"m": PRICE}}, r"12,000 tokens, \$0\.05, over \$0\.01"),
        ({"tokens": 11_999}, "12,000 tokens, over 11,999 tokens"),
    ],
)
def test_a_cap_that_not_one_request_fits_into_is_refused(caps: dict[str, object], said: str) -> None:
    with pytest.raises(SetupError, match=f"one request to m is expected to cost {said}"):
        expect("m", 8000, ModelPolicy.model_validate(caps))


def test_a_cap_that_just_one_request_fits_into_is_none_of_our_business() -> None:
    assert expect("m", 8000, ModelPolicy(tokens=12_000)) == Estimate("m", Usage(1, 8000, 4000))
