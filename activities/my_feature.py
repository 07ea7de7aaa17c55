"""The consumer of "my feature"."""

import asyncio
import logging
from typing import Any

from gnosari_temporal import BaseConsumer
from workflows.my_feature import MyFeatureMessage

logger = logging.getLogger(__name__)


class MyFeatureConsumer(BaseConsumer):
    """Consumer for processing my feature messages."""

    async def process(self, message: MyFeatureMessage) -> dict[str, Any]:
        """Process the message; its parameter ``seconds`` says how long the work takes, 2 if absent."""
        logger.info("processing %s for user %s", message.task_type, message.user_id)

        await asyncio.sleep(float(message.parameters.get("seconds", 2)))

        if message.task_type == "process":
            result = self._process_data(message.parameters.get("input_data"))
        elif message.task_type == "analyze":
            result = self._analyze_data(message.parameters)
        else:
            result = {"status": "unknown_task"}

        return {
            "message_id": message.message_id,
            "user_id": message.user_id,
            "result": result,
            "processed_at": message.created_at.isoformat(),
        }

    def _process_data(self, input_data: Any) -> dict[str, Any]:
        """Process input data."""
        return {"processed": True, "data": input_data}

    def _analyze_data(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Analyze data based on parameters."""
        return {"analysis": "completed", "parameters": parameters}

    def on_success(self, result: dict[str, Any], message: MyFeatureMessage) -> None:
        """Called when processing succeeds."""
        logger.info("✅ successfully processed %s task %s", message.task_type, message.message_id)

    def on_failure(self, exc: Exception, message: MyFeatureMessage) -> None:
        """Called when processing fails."""
        logger.warning("❌ failed to process %s task %s: %s", message.task_type, message.message_id, exc)

    def should_retry(self, exc: Exception, message: MyFeatureMessage) -> bool:
        """Determine if message should be retried."""
        if isinstance(exc, ValueError):
            return False  # a validation error would come again
        return message.retry_count < message.max_retries
