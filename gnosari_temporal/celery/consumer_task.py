"""A consumer as a task: ``process_my_feature_task = task_of(MyFeatureConsumer)``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..blocking import call
from ..client import GnosariClient
from ..consumers import BaseConsumer, JobContext, message_type_of
from ..errors import InvalidMessage
from ..execution.attempt import AttemptFailed, run_attempt
from ..execution.options import JobOptions, SendOptions
from ..messages import BaseMessage, parse_message, shorten
from ..registry import Parts
from ..retry import RetrySpec
from ..routing import job_id
from ..worker.application import Application
from . import states
from .declaring import check_call_options
from .eager_result import EagerResult
from .exceptions import NotSupported
from .failures import own_traceback
from .result import AsyncResult
from .routes import our_priority, queue_name, route_of
from .task import Task
from .values import decode, encode
from .wire import CallNode

if TYPE_CHECKING:
    from .application import Celery

logger = logging.getLogger("gnosari_temporal.celery")


class ConsumerTask(Task):
    """A consumer under the interface of a task; make one with ``task_of``.

    Its argument is a message, as an object or serialized. A call is the message's job: it goes by the message's id,
    and the same id sent twice is one job.
    """

    abstract = True
    consumer: type[BaseConsumer[Any, Any]]
    message_type: type[BaseMessage]

    def __gnosari_parts__(self) -> Parts:
        """What a worker needs to run it."""
        queue = self._queue({})
        return Parts(consumers=(self.consumer,), queues=(queue,) if queue else ())

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run the consumer here, once for each attempt; raises what it fails with."""
        return self.apply(args, kwargs, throw=True).get(disable_sync_subtasks=False)

    def apply_async(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> AsyncResult:
        """Send the message: the first argument, or the fields as keywords.

        ``task_id`` is an id in place of the message's own.

        Raises:
            InvalidMessage, MessageTooLarge: refused before anything was sent.
            MessageConflict: the id was used for other content.
            ServerUnreachable: nobody answers.
        """
        if self.owner.conf.task_always_eager:
            return self.apply(args, kwargs, task_id=task_id)
        given = {**options, "link": link, "link_error": link_error, "shadow": shadow, "producer": producer}
        message = self._message(args, kwargs, task_id)
        chosen = self._options(given, message)

        async def use(client: GnosariClient) -> str:
            return (await client.send(message, chosen, consumer=self.consumer)).id

        sent: str = call(use, repeatable=True, in_event_loop=True)
        return AsyncResult(message.message_id, app=self.app, task_name=self.name, jobs=(sent,))

    def apply(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        link: Any = None,
        link_error: Any = None,
        task_id: str | None = None,
        retries: int = 0,
        throw: bool | None = None,
        **options: Any,
    ) -> EagerResult:
        """Run the consumer here, without a server; retries follow at once."""
        from .eager import run_coroutine

        message = self._message(args, kwargs, task_id).model_copy(update={"retry_count": retries})
        try:
            value = run_coroutine(lambda: self._run_here(message))
        except AttemptFailed as failed:
            error = failed.exception
            if self.owner.conf.task_eager_propagates if throw is None else throw:
                raise error from None
            return EagerResult(message.message_id, error, states.FAILURE, own_traceback(error), name=self.name)
        return EagerResult(message.message_id, value, states.SUCCESS, name=self.name)

    async def _run_here(self, message: BaseMessage) -> Any:
        retry = self._retry(message) or self.consumer.retry or RetrySpec.of_message(message)
        with ThreadPoolExecutor(1) as executor:
            while True:
                job = JobContext(
                    id=job_id(self.message_type.__name__, message.message_id),
                    message=message,
                    attempt=message.retry_count + 1,
                    deadline=None,
                    queue="",
                    logger=logging.LoggerAdapter(logger),
                    retry=retry,
                    idempotency_key=message.message_id,
                )
                made = Application.build().make_consumer(self.consumer, {})
                # In a task of its own: the job is current in it alone.
                attempt = run_attempt(made, message, job, timeout=None, executor=executor)
                try:
                    return await asyncio.create_task(attempt)
                except AttemptFailed as failed:
                    if failed.retry_delay is None:
                        raise
                message = message.model_copy(update={"retry_count": message.retry_count + 1})

    def as_node(self, args: Iterable[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]) -> CallNode:
        """The call as part of a canvas; it needs its message, and takes no result of what ran before."""
        message = self._message(args, kwargs, options.get("task_id"))
        chosen = self._options({key: value for key, value in options.items() if key != "task_id"}, message)
        name = self.message_type.__name__
        queue = chosen.queue or self.message_type.default_queue or str(self.owner.conf["task_default_queue"])
        return CallNode(
            task=name,
            job=job_id(name, message.message_id),
            message=message.to_dict(),
            options=JobOptions(
                queue=queue,
                priority=chosen.priority or message.priority,
                retry=chosen.retry,
                timeout=chosen.timeout,
            ),
            summary=message.job_summary(),
            consumer=True,
        )

    def _message(
        self, args: Iterable[Any] | None, kwargs: Mapping[str, Any] | None, task_id: Any = None
    ) -> BaseMessage:
        given, fields = tuple(args or ()), dict(kwargs or {})
        if len(given) > 1 or (given and fields):
            raise InvalidMessage(f"{self.name} takes one argument, the message, or its fields as keywords")
        found = given[0] if given else fields
        if isinstance(found, BaseMessage):
            if not isinstance(found, self.message_type):
                raise InvalidMessage(f"{self.name} takes a {self.message_type.__name__}, not {type(found).__name__}")
            message = found
        elif isinstance(found, Mapping):
            message = parse_message(self.message_type, decode(encode(dict(found), "the message")))
        else:
            raise InvalidMessage(
                f"{self.name} takes a {self.message_type.__name__} or its to_dict(), not {shorten(repr(found), 80)}"
            )
        return message.model_copy(update={"message_id": str(task_id)}) if task_id else message

    def _options(self, options: Mapping[str, Any], message: BaseMessage) -> SendOptions:
        check_call_options(str(self.name), options)
        given = {key: value for key, value in options.items() if value is not None}
        for name in ("link", "link_error", "soft_time_limit"):
            if name in given:
                raise NotSupported(
                    f"{self.name} is a consumer, its calls have no {name}=: use on_success and on_failure of the "
                    "consumer, or put it into a chain"
                )
        conf, chosen = self.owner.conf, dict[str, Any]()
        if "priority" in given:
            chosen["priority"] = our_priority(conf, given["priority"])
        if "countdown" in given:
            chosen["delay"] = timedelta(seconds=max(0.0, float(given["countdown"])))
        elif "eta" in given:
            eta: datetime = given["eta"]
            chosen["at"] = eta if eta.tzinfo else eta.replace(tzinfo=conf.zone).astimezone(UTC)
        if "expires" in given:
            expires = given["expires"]
            if isinstance(expires, datetime) and expires.tzinfo is None:
                expires = expires.replace(tzinfo=conf.zone)
            chosen["expires"] = expires
        if given.get("time_limit") is not None:
            chosen["timeout"] = given["time_limit"]
        queue, retry = self._queue(given), self._retry(message)
        return SendOptions(**chosen, **({"queue": queue} if queue else {}), **({"retry": retry} if retry else {}))

    def _queue(self, options: Mapping[str, Any]) -> str | None:
        declared = self.consumer.queue or self.message_type.default_queue
        conf = self.owner.conf
        route = route_of(conf, str(self.name)).get("queue")
        default = conf.own.get("task_default_queue")
        return queue_name(options.get("queue")) or declared or queue_name(route) or default

    def _retry(self, message: BaseMessage) -> RetrySpec | None:
        """The app's defaults, for a consumer that declares no policy."""
        own = self.owner.conf.own
        if self.consumer.retry is not None or not {"task_retry_delay", "task_max_retries"} & own.keys():
            return None
        retries = own.get("task_max_retries", message.max_retries)
        return RetrySpec(
            maximum_attempts=0 if retries is None else int(retries) + 1,
            initial_interval=own.get("task_retry_delay", 2),
            backoff_coefficient=1.0 if "task_retry_delay" in own else 2.0,
        )

    def AsyncResult(self, task_id: str, **kwargs: Any) -> AsyncResult:  # noqa: N802
        """The handle of a message's job, by the message's id."""
        job = job_id(self.message_type.__name__, task_id)
        return AsyncResult(task_id, app=self.app, task_name=self.name, jobs=(job,))


def task_of(
    consumer: type[BaseConsumer[Any, Any]], app: Celery | None = None, *, name: str | None = None
) -> ConsumerTask:
    """The consumer as a task of an app, the current one by default.

    Raises:
        DefinitionError: the consumer's message type cannot be told.
    """
    from .current import current_app_or_default

    owner = app or current_app_or_default()
    message_type = message_type_of(consumer)
    task_name = name or f"{consumer.__module__}.{consumer.__name__}"
    namespace = {
        "name": task_name,
        "app": owner,
        "abstract": False,
        "consumer": consumer,
        "message_type": message_type,
        "__module__": consumer.__module__,
        "__doc__": consumer.__doc__,
    }
    made: ConsumerTask = type(consumer.__name__, (ConsumerTask,), namespace)()
    owner.add_consumer_task(message_type.__name__, made)
    return made
