"""The outbox: what a consumer under test sends, in place of a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from ..client.preparing import snapshot
from ..errors import GnosariError
from ..execution.limits import check_message
from ..execution.options import SendOptions, options_from
from ..messages import BaseMessage
from ..routing import job_id, split_job_id

Replies: TypeAlias = Mapping[type[BaseMessage], Any]
"""Message type to the result of its job: a value, an exception to raise, or a function of the message."""


@dataclass(frozen=True)
class SentMessage:
    """A message that was sent while a consumer ran."""

    id: str
    """The id that the job would have."""
    message: BaseMessage
    options: SendOptions = field(default_factory=SendOptions)


class _SentJob:
    """Stands for the handle of a job that nobody runs."""

    def __init__(self, outbox: Outbox, id: str) -> None:
        self._outbox = outbox
        self.id = id
        self.run_id: str | None = None
        self.result_type: Any = None

    def __repr__(self) -> str:
        return f"<a job of the outbox: {self.id}>"

    @property
    def message_id(self) -> str:
        return split_job_id(self.id)[1]

    async def result(self, timeout: timedelta | float | None = None) -> Any:
        return self._outbox.result(self.id)

    def __getattr__(self, name: str) -> Any:
        raise GnosariError(f"{self.id} was sent to no server: a consumer under test has no job to ask for {name!r}")


class Outbox:
    """Takes what is sent the way ``GnosariClient`` does, checked and once for each id, and answers from ``replies``."""

    def __init__(self, replies: Replies | None = None) -> None:
        self.sent: list[SentMessage] = []
        self._replies = dict(replies or {})

    async def send(
        self,
        message: BaseMessage,
        options: SendOptions | None = None,
        *,
        consumer: Any = None,
        message_id: str | None = None,
        existing_wins: bool = False,
        **overrides: Any,
    ) -> _SentJob:
        """Take a message; refused is what ``GnosariClient.send`` refuses before it sends."""
        given = options_from(options, overrides)
        taken = snapshot(message, message_id)
        check_message(taken)
        id = job_id(type(taken).__name__, taken.message_id)
        if all(sent.id != id for sent in self.sent):
            self.sent.append(SentMessage(id, taken, given))
        return _SentJob(self, id)

    async def send_and_wait(
        self,
        message: BaseMessage,
        options: SendOptions | None = None,
        *,
        wait: timedelta | float | None = None,
        **overrides: Any,
    ) -> Any:
        """Take a message and give its reply."""
        return await (await self.send(message, options, **overrides)).result(wait)

    def job(self, id: str, *, run_id: str | None = None) -> _SentJob:
        """A job that was sent."""
        return _SentJob(self, id)

    def result(self, id: str) -> Any:
        """The reply to a message that was sent.

        Raises:
            GnosariError: the test gives none.
        """
        found = next((sent.message for sent in self.sent if sent.id == id), None)
        for message_type, reply in self._replies.items():
            if isinstance(found, message_type):
                return _answer(reply, found)
        raise GnosariError(
            f"the consumer waits for the result of {id}, which nobody runs: give it, as in "
            f"replies={{{type(found).__name__ if found is not None else 'MessageType'}: result}}"
        )

    def __getattr__(self, name: str) -> Any:
        raise GnosariError(f"a consumer under test has no server to {name} with: use the fixture gnosari_worker")


def _answer(reply: Any, message: BaseMessage) -> Any:
    if isinstance(reply, BaseException):
        raise reply
    return reply(message) if callable(reply) else reply
