"""The call in this process: a tool that runs here and now, with the timeout and the retries of its policy."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from ..consumers import DEFAULT_TIMEOUT, JobContext, logger
from ..execution.attempt import AttemptFailed, run_attempt
from ..execution.failures import failure_type
from ..retry import RetrySpec
from ..settings import Settings
from .allowlist import AllowedTools
from .consumer import ToolExecutionConsumer
from .messages import ToolExecutionMessage
from .results import ToolResult, failed


async def call_here(
    message: ToolExecutionMessage,
    *,
    settings: Settings,
    allowed: AllowedTools,
    retry: RetrySpec | None = None,
    timeout: timedelta | None = None,
) -> ToolResult:
    """Make the call in this process, without a server; attempts and waits are those that a worker would make.

    A tool that fails for good is a result with status ``error``. ``timeout`` is that of one attempt.
    """
    policy = retry or RetrySpec.of_message(message)
    with ThreadPoolExecutor(1) as executor:
        failures = 0
        while True:
            attempt = _attempt(message, failures, settings, allowed, policy, timeout or DEFAULT_TIMEOUT, executor)
            try:
                # In a task, because it has a current job of its own, and the caller may be a job too.
                return await asyncio.create_task(attempt)
            except AttemptFailed as failure:
                failures += 1
                error = failure.exception
                if failure.retry_delay is None:
                    return failed(message.to_dict(), f"{failure_type(error)}: {error}")
                await asyncio.sleep(failure.retry_delay.total_seconds())


async def _attempt(
    message: ToolExecutionMessage,
    failures: int,
    settings: Settings,
    allowed: AllowedTools,
    policy: RetrySpec,
    timeout: timedelta,
    executor: Executor,
) -> ToolResult:
    number = failures + 1
    job = JobContext(
        id=message.task_id,
        message=message,
        attempt=number,
        deadline=datetime.now(UTC) + timeout,
        queue="",
        logger=logging.LoggerAdapter(logger, {"job": message.task_id, "attempt": number}),
        retry=policy,
        idempotency_key=message.task_id,
    )
    result: ToolResult = await run_attempt(
        ToolExecutionConsumer(settings, allowed),
        message.model_copy(update={"retry_count": failures}),
        job,
        timeout=timeout,
        executor=executor,
    )
    return result
