"""Usage: tokens and money that model calls cost, and the budget of a run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from .config import ModelPrice


class Usage(BaseModel):
    """Tokens and money; add two with ``+``."""

    model_config = ConfigDict(frozen=True)

    requests: int = 0
    """Model calls that were answered."""
    input_tokens: int = 0
    cached_tokens: int = 0
    """Those of ``input_tokens`` that the provider had cached."""
    output_tokens: int = 0
    cost: float = 0.0
    """US dollars, of the models whose price the team file has."""

    @property
    def tokens(self) -> int:
        """Tokens in both directions."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
        )

    def priced(self, price: ModelPrice | None) -> Usage:
        """The same with its cost; without a price it costs nothing."""
        if price is None:
            return self
        return self.model_copy(update={"cost": price.cost(self.input_tokens, self.output_tokens, self.cached_tokens)})


class Budget(BaseModel):
    """What a run with its delegations may use; None is without limit."""

    model_config = ConfigDict(frozen=True)

    tokens: int | None = Field(default=None)
    cost: float | None = Field(default=None)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.tokens is not None or self.cost is not None

    def left_after(self, used: Usage) -> Budget:
        """The budget that is left for a delegation."""
        return Budget(
            tokens=None if self.tokens is None else max(self.tokens - used.tokens, 0),
            cost=None if self.cost is None else max(self.cost - used.cost, 0.0),
        )

    def exceeded_by(self, used: Usage) -> str | None:
        """What is used up, in words; None if the run may go on."""
        if self.tokens is not None and used.tokens >= self.tokens:
            return f"{used.tokens:,} tokens are used of max_tokens_total {self.tokens:,}"
        if self.cost is not None and used.cost >= self.cost:
            return f"${used.cost:.4f} are spent of max_cost ${self.cost:.4f}"
        return None
