"""The team config: what holds for every run of a team, and defaults of its agents."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..durations import Duration, PositiveDuration

DEFAULT_MODEL = "gpt-4o"
DEFAULT_MAX_TURNS = 100

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
OutstandingAction = Literal["wait", "return", "cancel"]


class Spec(BaseModel):
    """Base class of the parts of a team: frozen, and the same after a round trip through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OutstandingPolicy(Spec):
    """What an agent does that ends while tasks that it sent off are outstanding."""

    action: OutstandingAction = "wait"
    """``wait`` for them and give it a turn with the results, ``return`` without them, or ``cancel`` them."""
    timeout: Duration = timedelta(hours=1)
    """The longest wait; then it returns without what is still outstanding."""


class ModelPrice(Spec):
    """What a model costs, in US dollars for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    """None: as ``input``."""

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        """US dollars for these tokens; ``cached_tokens`` are those of ``input_tokens`` that were cached."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = max(input_tokens - cached_tokens, 0)
        return (fresh * self.input + cached_tokens * cached + output_tokens * self.output) / 1_000_000


class TeamConfig(Spec):
    """Limits, budgets and defaults of a team's runs."""

    model: str = DEFAULT_MODEL
    temperature: float | None = None
    """None: the model's own."""
    reasoning_effort: ReasoningEffort | None = None
    max_turns: int = Field(default=DEFAULT_MAX_TURNS, ge=1)
    timeout: PositiveDuration | None = None
    """Limit of a whole run, people's answers included; None: no limit."""
    max_tokens_total: int | None = Field(default=None, ge=1)
    """Tokens of a run, its delegations included, after which it stops."""
    max_cost: float | None = Field(default=None, gt=0)
    """US dollars of a run, its delegations included, after which it stops."""
    prices: dict[str, ModelPrice] = Field(default_factory=dict)
    on_outstanding: OutstandingPolicy = OutstandingPolicy()
    max_depth: int | None = Field(default=None, ge=1)
    """Delegations below one another, at most; None: no limit, and no cycles in the team."""
