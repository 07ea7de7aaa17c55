"""The consumer of model calls: asks the model, and reports text while it is made."""

from __future__ import annotations

from datetime import timedelta

from ...consumers import BaseConsumer, current_job
from ...retry import RetrySpec
from ..model_call import ModelCallMessage, ModelReply
from .providers import Models


class ModelCallConsumer(BaseConsumer[ModelCallMessage, ModelReply]):
    """Asks a model for one turn.

    Rate limits, server errors and lost connections are retried here and nowhere else, after what the provider says
    (``retry-after``) or the policy; what the provider refuses fails at once.
    """

    retry = RetrySpec(
        maximum_attempts=10,
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
        jitter=0.1,
        non_retryable=("ModelRefused", "ModelNotConfigured", "TeamError", "SettingsError"),
    )
    timeout = timedelta(minutes=10)

    def __init__(self, models: Models) -> None:
        self._models = models

    async def process(self, message: ModelCallMessage) -> ModelReply:
        """The model's reply. Its text so far is the job's progress, if the call asks to stream."""
        job = current_job()
        written: list[str] = []

        def on_text(text: str) -> None:
            written.append(text)
            job.heartbeat({"text": "".join(written)})

        model = await self._models.get(message.model)
        return await model.reply(message, on_text)
