"""The example message: greet, calculate or fail."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from gnosari_temporal import BaseMessage, workflow_for

OPERATIONS = ("sum", "product", "mean", "minimum", "maximum")


class ExampleMessage(BaseMessage):
    """Asks for a greeting, a calculation or a failure."""

    user_id: str = Field(min_length=1, description="User who asks")
    action: Literal["greet", "calculate", "fail"] = Field(description="What to do")
    data: dict[str, Any] = Field(
        default_factory=dict,
        description="greet: name. calculate: numbers, operation (sum if absent). fail: reason",
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.action == "calculate":
            numbers = self.data.get("numbers")
            if not isinstance(numbers, list) or not numbers or not all(_is_number(item) for item in numbers):
                raise ValueError(f"data.numbers: a list of numbers is required to calculate (got {numbers!r})")
            operation = self.data.get("operation", "sum")
            if operation not in OPERATIONS:
                raise ValueError(f"data.operation {operation!r} is not one of {', '.join(OPERATIONS)}")
        return self

    @classmethod
    def create(cls, user_id: str, action: str, data: dict[str, Any] | None = None) -> Self:
        """Create a message; raises pydantic's ValidationError if a value cannot be."""
        return cls.from_dict({"user_id": user_id, "action": action, "data": data or {}})

    def job_summary(self) -> str:
        """The job in words, for the Web UI and the lists."""
        return f"{self.action} for {self.user_id}"


def _is_number(item: Any) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


ExampleWorkflow = workflow_for(ExampleMessage)
