"""The parameter types of the command line: what an option or argument is read as, and how it is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from datetime import timedelta

    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType  # generic from click 8.3 on

F = TypeVar("F", bound=Callable[..., Any])

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
JOB_STATES = (
    "scheduled",
    "queued",
    "running",
    "waiting",
    "retrying",
    "stuck",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
)


class JSONObject(_Type):
    """A JSON object; ``-`` reads it from standard input."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The object as a dict."""
        if isinstance(value, dict):
            return value
        text = sys.stdin.read() if value == "-" else str(value)
        try:
            data = json.loads(text)
        except ValueError as error:
            self.fail(f'{_short(text)} is no JSON: {error}; quote it as in \'{{"name": "value"}}\'', param, ctx)
        if not isinstance(data, dict):
            self.fail(f'{_short(text)} is no JSON object: write the fields as in \'{{"name": "value"}}\'', param, ctx)
        return data


class DurationType(_Type):
    """A length of time: ``90`` (seconds), ``500ms``, ``10m``, ``1h30m``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration as a ``timedelta``."""
        from ..durations import parse_duration
        from ..errors import InvalidDuration

        try:
            return parse_duration(value)
        except InvalidDuration as error:
            self.fail(str(error), param, ctx)


class TimeType(_Type):
    """A time in ISO 8601; one without zone is UTC, as everywhere in the package."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time in UTC."""
        if isinstance(value, datetime):
            return value
        moment = _parse_time(str(value))
        if moment is None:
            self.fail(f"{value!r} is no time: write ISO 8601, as in 2026-01-31T18:00:00Z", param, ctx)
        return moment


class ExpiryType(_Type):
    """A length of time from now, or a time."""

    name = "duration|time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | datetime | None:
        """A ``timedelta`` or a time in UTC."""
        from ..durations import parse_duration
        from ..errors import InvalidDuration

        if isinstance(value, datetime):
            return value
        moment = _parse_time(str(value)) if "-" in str(value) else None
        if moment is not None:
            return moment
        try:
            return parse_duration(value)
        except InvalidDuration:
            self.fail(
                f"{value!r} is neither a duration (30s, 10m) nor a time in ISO 8601 (2026-01-31T18:00:00Z)", param, ctx
            )


class QueueList(_Type):
    """Queues as ``a,b``, or with their slots as ``a=4,b=2``."""

    name = "queues"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, checked."""
        from ..routing import parse_queues

        try:
            queues = parse_queues([value], 1)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not queues:
            self.fail(f"{value!r} names no queue: write NAME or NAME=SLOTS, more than one with commas", param, ctx)
        return str(value)


class MessageTypeName(_Type):
    """The name of a message type of the project; completed from the project."""

    name = "type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; whether there is such a type is told by the project."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The project's message types, with the first line of their documentation."""
        from .completion import message_types

        return [CompletionItem(name, help=text) for name, text in message_types(ctx) if name.startswith(incomplete)]


PRIORITY = click.IntRange(1, 10)
"""1 to 10, lower first."""
JSON_OBJECT = JSONObject()
DURATION = DurationType()
TIME = TimeType()
EXPIRY = ExpiryType()
QUEUES = QueueList()
MESSAGE_TYPE = MessageTypeName()


class SettingOption(click.Option):
    """An option over a setting: its help names the variable and the default, both of which the settings own."""

    def __init__(self, *args: Any, variable: str | None = None, shown_default: str = "", **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.variable = variable
        self.shown_default = shown_default

    def get_help_extra(self, ctx: click.Context) -> Any:
        """What stands in brackets behind the help."""
        extra: Any = super().get_help_extra(ctx)
        if self.variable:
            extra["envvars"] = (self.variable,)
        if self.shown_default:
            extra["default"] = self.shown_default
        return extra


def setting_option(*names: str, **rest: Any) -> Any:
    """A ``SettingOption`` whose value is None where it is not given."""
    return click.option(*names, cls=SettingOption, default=None, **rest)


def json_option(command: F) -> F:
    """``--json``: the result for a program."""
    decorated: F = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    return decorated


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else line[:59] + "…")
