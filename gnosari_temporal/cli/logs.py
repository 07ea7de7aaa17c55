"""The logs: one handler on stderr, and what the SDK would say a second time left out."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.runtime import Runtime

_FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
_CORE_LOGGER = "temporalio.core"
_CHATTY = ("temporalio", "watchfiles", "httpx", "httpcore", "openai", "asyncio", "urllib3")
_COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
WORKER_HEARTBEATS = timedelta(seconds=10)
"""How often a worker reports its slots, cache and machine to the server, for ``gnosari worker status``."""
_SDK_ERROR = "__temporal_error_identifier"
"""Attribute by which the SDK marks its own records of failed activities and workflow tasks."""


def set_up(level: str = "warning", *, debug: bool = False) -> None:
    """Log to stderr from this level on.

    Libraries that log every request are heard from WARNING on, or from INFO on at level debug; with ``debug`` the
    traces of the SDK are shown too.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(traces=debug or level == "debug", colours=sys.stderr.isatty()))
    if not (debug or level == "debug"):
        handler.addFilter(_without_repetition)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.INFO if level == "debug" else max(logging.WARNING, root.level))


def runtime() -> Runtime:
    """A Temporal runtime whose own log goes to ours; by default it writes to stdout, among the results."""
    from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

    return Runtime(
        telemetry=TelemetryConfig(
            logging=LoggingConfig(
                filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
                forwarding=LogForwardingConfig(logger=logging.getLogger(_CORE_LOGGER)),
            )
        ),
        worker_heartbeat_interval=WORKER_HEARTBEATS,
    )


def _without_repetition(record: logging.LogRecord) -> bool:
    """Leave out what the engine's own line for every attempt, or a line of the SDK, says already."""
    if getattr(record, _SDK_ERROR, None) == "ActivityFailure":
        return False
    return not (record.name.startswith(_CORE_LOGGER) and "Failing workflow task" in record.getMessage())


class _Formatter(logging.Formatter):
    """One line for a record; traces of the SDK only where they are asked for."""

    def __init__(self, *, traces: bool, colours: bool) -> None:
        super().__init__(_FORMAT)
        self._traces = traces
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the job that it belongs to."""
        if not self._traces and record.exc_info and record.name.startswith("temporalio"):
            record = _in_one_line(record)
        text = super().format(record)
        job = getattr(record, "job", None)
        if job and str(job) not in text:
            text += f" [job {job}, attempt {getattr(record, 'attempt', '?')}]"
        colour = _COLOURS.get(record.levelname) if self._colours else None
        return click.style(text, fg=colour) if colour else text


def _in_one_line(record: logging.LogRecord) -> logging.LogRecord:
    assert record.exc_info is not None
    error = record.exc_info[1]
    short = logging.makeLogRecord(record.__dict__)
    short.msg, short.args = f"{record.getMessage()}: {type(error).__name__}: {error}", ()
    short.exc_info = short.exc_text = None
    return short
