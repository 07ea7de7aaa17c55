"""The consumer of tool messages: runs any tool that the worker allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..consumers import BaseConsumer, JobContext, current_job
from ..errors import RetryLater, SettingsError, ToolDefinitionError, ToolNotAllowed
from ..execution.failures import StandIn, failure_type, own_traceback
from ..routing import split_job_id
from ..settings import Settings
from .allowlist import AllowedTools
from .context import ToolCall, ToolContext, ToolGrants
from .expansion import Expansion
from .loading import async_refusal_of, load_class, make_tool, run_tool
from .messages import ToolExecutionMessage
from .results import ToolResult, completed

_NEVER_RETRIED = (ValueError, ImportError, AttributeError, ToolNotAllowed, SettingsError)
_NEVER_RETRIED_NAMES = frozenset({"ValidationError"})
"""Validation errors of libraries that are no ValueError, as jsonschema's."""


class ToolExecutionConsumer(BaseConsumer[ToolExecutionMessage, ToolResult]):
    """Imports the tool, if it is allowed, makes it with its arguments and calls it.

    An exception of the tool is a failed attempt. It is retried by the policy of the send, else ``max_retries``
    times after 2, 4, 8 … seconds; what no further attempt can change (ValueError, ImportError, AttributeError,
    validation errors, a tool that is not allowed, a variable that is not set) fails the job at once. Values that were
    filled in for ``${VAR}`` are in no error, and credentials among them in no result.
    """

    def __init__(self, settings: Settings, allowed_tools: AllowedTools) -> None:
        """``allowed_tools`` is what may be imported; ``settings`` hold the environment and what tools may reach."""
        self._settings = settings
        self._allowed = allowed_tools

    async def process(self, message: ToolExecutionMessage) -> ToolResult:
        """The tool's result with what identifies the call.

        Raises: what the tool raises, in words that give no filled-in value away.
        """
        job = current_job()
        tool_class = load_class(message.tool_module, message.tool_class, self._allowed)
        apart = _is_call_of_its_own(job, message)
        refusal = async_refusal_of(tool_class) if apart else None
        if refusal is not None:
            raise ToolDefinitionError(f"{message.tool_name} cannot run in async mode: {refusal}")
        expansion = Expansion.of(message.tool_init_args, self._settings.environ or None)
        try:
            tool = make_tool(tool_class, expansion.args)
            if apart and callable(getattr(tool, "get_async_tool", None)):
                tool = tool.get_async_tool()
            result = await self._run(tool, message, job)
        except Exception as error:
            veiled = _veiled(error, expansion, job)
            if veiled is None:
                raise
            raise veiled from None
        return completed(message, expansion.veil_result(result))

    async def should_retry(self, exc: Exception, message: ToolExecutionMessage) -> bool:
        """Whether another attempt can change anything; how often, the policy says."""
        return not exc.final if isinstance(exc, _Veiled) else is_retryable(exc)

    async def _run(self, tool: Any, message: ToolExecutionMessage, job: JobContext) -> Any:
        call = ToolCall(
            task_id=message.task_id,
            idempotency_key=job.idempotency_key,
            attempt=job.attempt,
            agent_id=message.agent_id,
            session_id=message.session_id,
            tool_name=message.tool_name,
        )
        context = ToolContext.from_data(
            message.context_data,
            agent_id=message.agent_id,
            session_id=message.session_id,
            tool_name=message.tool_name,
        )
        grants = ToolGrants(allowed_hosts=self._settings.tools.allowed_hosts)
        return await run_tool(tool, message.tool_args, context, call=call, grants=grants)


def is_retryable(error: BaseException) -> bool:
    """Whether an exception of a tool may be retried at all, whatever the policy says."""
    named = any(base.__name__ in _NEVER_RETRIED_NAMES for base in type(error).__mro__)
    return not named and not isinstance(error, _NEVER_RETRIED)


def _is_call_of_its_own(job: JobContext, message: ToolExecutionMessage) -> bool:
    """Whether the call is a job, or a message of a batch, and not a step of somebody's workflow: then nobody waits
    where it runs, and every call may run in another process."""
    return split_job_id(job.id)[0] == type(message).__name__ or job.id.endswith(f"#{message.message_id}")


class _Veiled(StandIn):
    """Stands for an exception of a tool whose texts held a filled-in value."""

    def __init__(self, message: str, *, type: str, details: Mapping[str, Any], final: bool) -> None:
        super().__init__(message, type=type, details=details)
        self.final = final


class _VeiledRetryLater(_Veiled, RetryLater):
    """The same, with the delay that the exception asked for."""

    delay = timedelta(0)

    def __init__(self, message: str, *, delay: timedelta, **rest: Any) -> None:
        Exception.__init__(self, message)
        self.type, self.details, self.final = rest["type"], dict(rest["details"]), rest["final"]
        self.delay = delay


def _veiled(error: Exception, expansion: Expansion, job: JobContext) -> _Veiled | None:
    """What stands for an exception whose texts give away what was filled in; None: they do not."""
    texts = [own_traceback(error), *map(str, _chain(error))]
    if all(expansion.veil_error(text) == text for text in texts):
        return None
    known: dict[str, Any] = {
        "type": failure_type(error),
        "details": {"traceback": expansion.veil_error(texts[0])},
        "final": not (is_retryable(error) and job.retry.retries_type(error)),
    }
    text = expansion.veil_error(str(error))
    return (
        _VeiledRetryLater(text, delay=error.delay, **known) if isinstance(error, RetryLater) else _Veiled(text, **known)
    )


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and those that it came from, which travel with it."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found
