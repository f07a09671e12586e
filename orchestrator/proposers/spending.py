"""What a model costs: the price of a proposal, what a start is expected to spend, and what its caps leave."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.errors import SetupError
from orchestrator.policy import ModelPolicy, Price
from orchestrator.records import Spent, Usage

ASSUMED_OUTPUT_TOKENS = 4000
MILLION = 1_000_000


def priced(usage: Usage, price: Price | None) -> Usage:
    """The usage with its dollars: 0 where nothing was asked, None where price or tokens are unknown."""
    if not usage.requests:
        return replace(usage, dollars=0.0)
    if price is None or not usage.tokens:
        return replace(usage, dollars=None)
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    cached_price = price.input if price.cached is None else price.cached
    prompt = (usage.prompt_tokens - cached) * price.input + cached * cached_price
    return replace(usage, dollars=(prompt + usage.completion_tokens * price.output) / MILLION)


def price_of(proposer: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of the model in a proposer's name such as `openai:MODEL`; None when it has none."""
    return prices.get(proposer.partition(":")[2])


@dataclass(slots=True)
class Purse:
    """What one start has spent, and whether the caps leave room for one proposal more.

    A proposal is expected to cost as much as the dearest so far, and the first one what `expected` says.
    Where no price is known the cap in dollars holds for the priced part alone.
    """

    policy: ModelPolicy
    expected: Usage
    spent: Spent = field(default_factory=Spent)
    _priced_dollars: float = 0.0

    def pay(self, usage: Usage) -> None:
        """Add one proposal, its dollars filled in."""
        self.spent = self.spent.plus(usage)
        self._priced_dollars += usage.dollars or 0.0
        if usage.tokens > self.expected.tokens:
            tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
            self.expected = replace(self.expected, **tokens)
        if (usage.dollars or 0.0) > (self.expected.dollars or 0.0):
            self.expected = replace(self.expected, dollars=usage.dollars)

    @property
    def cap(self) -> str:
        """The cap that one proposal more would break, as in `20,000 tokens`; empty while there is room."""
        return next(_broken(self.policy, self.spent, self._priced_dollars, self.expected), "")


def _broken(policy: ModelPolicy, spent: Spent, dollars: float, more: Usage) -> Iterator[str]:
    if spent.requests + 1 > policy.requests:
        yield f"{policy.requests:,} requests"
    if spent.tokens + max(more.tokens, 1) > policy.tokens:
        yield f"{policy.tokens:,} tokens"
    if dollars + (more.dollars or 0.0) > policy.dollars:
        yield f"${policy.dollars:,.2f}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a start may cost, told before anything is spent: `one` request to `model`, again and again."""

    model: str
    one: Usage

    def check(self, policy: ModelPolicy) -> None:
        """Raises SetupError when not even one request fits into the caps."""
        cap = next(_broken(policy, Spent(), 0.0, self.one), "")
        if cap:
            message = f"one request to {self.model} is expected to cost {_cost(self.one)}, over {cap}"
            raise SetupError(message, remedy="raise the policy's model caps, or use --proposer tuner")

    def lines(self, policy: ModelPolicy, attempts: float) -> Iterator[str]:
        """What to say: the cost of so many attempts beside the caps, and a cap that does not bind."""
        read, written = self.one.prompt_tokens, self.one.completion_tokens
        each = f"each reads {read:,} tokens at first and writes {written:,} (assumed)"
        caps = f"{policy.requests:,} requests, {policy.tokens:,} tokens, ${policy.dollars:,.2f}"
        total = _total(self.one, math.ceil(min(attempts, policy.requests)))
        yield f"{self.model}: about {total}; {each}; caps of this start: {caps}"
        if self.one.dollars is None:
            yield f"no price is known for {self.model}: the cap of ${policy.dollars:,.2f} does not bind"


def _total(one: Usage, requests: int) -> str:
    dollars = None if one.dollars is None else requests * one.dollars
    return f"{requests:,} requests, {_cost(Usage(requests, requests * one.tokens, dollars=dollars))}"


def _cost(usage: Usage) -> str:
    return f"{usage.tokens:,} tokens" + ("" if usage.dollars is None else f", ${usage.dollars:,.2f}")


def expect(model: str, prompt_tokens: int, policy: ModelPolicy) -> Estimate:
    """The estimate from the first prompt's size. Raises SetupError when one request is over a cap."""
    output = min(ASSUMED_OUTPUT_TOKENS, policy.output_tokens)
    estimate = Estimate(model, priced(Usage(1, prompt_tokens, output), policy.prices.get(model)))
    estimate.check(policy)
    return estimate
