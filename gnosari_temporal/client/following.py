"""Following a chunk: its members, their outcomes as they come, its counts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..errors import JobError
from ..execution.batch import Chunk, chunk_id
from .handle import JobHandle
from .outcomes import Outcome, OutcomeReader, Place
from .polling import next_page


class ChunkFollower:
    """Follows one chunk of a batch, by its history."""

    def __init__(self, client: Client, batch: str, number: int) -> None:
        self.number = number
        self.id = chunk_id(batch, number)
        self.size = 0
        """Messages of the chunk."""
        self.total: int | None = None
        """Messages of the batch, if this is its last chunk."""
        self.places: dict[str, Place] = {}
        """All its messages, by activity id."""
        self.begun = False
        """Whether outcomes were read before."""
        self._client = client
        self._batch = batch
        self._reader = OutcomeReader(client, self.id)
        self._events: list[HistoryEvent] = []
        self._elsewhere: dict[asyncio.Task[object], Place] = {}

    @property
    def closed(self) -> bool:
        """Whether every outcome was read."""
        return self._reader.closed and not self._events and not self._elsewhere

    async def open(self) -> bool:
        """Read its input; False: it is not on the server (yet)."""
        if self.places or self.total is not None:
            return True
        try:
            self._events = await self._reader.events()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        given = self._events[0].workflow_execution_started_event_attributes.input.payloads
        chunk: Chunk = (await self._client.data_converter.decode(given, [Chunk]))[0]
        self.size, self.total = len(chunk.members), chunk.total
        for member in chunk.members:
            options = member.options or chunk.options
            self.places[str(member.index)] = Place.of(member.index, self._batch, member, options, light=chunk.light)
        self._reader.expect(self.places)
        return True

    async def read(self, limit: timedelta | None = None) -> list[Outcome]:
        """The outcomes that came since the last call; waits for the next, for at most ``limit``."""
        try:
            async with asyncio.timeout(limit.total_seconds() if limit is not None else None):
                if not self._events and not self._reader.closed:
                    self._events = await self._reader.events()
                elif self._elsewhere and not self._events:
                    await asyncio.wait(self._elsewhere, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass
        self.begun = True
        found = await self._reader.outcomes(self._events)
        self._events = []
        for place in self._reader.elsewhere:
            handle: JobHandle[object] = JobHandle(self._client, place.child_id)
            self._elsewhere[asyncio.create_task(handle.result())] = place
        self._reader.elsewhere.clear()
        for task in [task for task in self._elsewhere if task.done()]:
            found.append(_outcome_elsewhere(task, self._elsewhere.pop(task)))
        return found

    async def read_all(self) -> list[Outcome]:
        """All outcomes, once the chunk is over."""
        found: list[Outcome] = []
        while not self.closed:
            found += await self.read()
        return found

    async def wait_closed(self) -> None:
        """Wait until the chunk is over, at the cost of one question every 20 s.

        Raises:
            temporalio.service.RPCError: there is no such chunk, or the server does not answer.
        """
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=self.id),
            wait_new_event=True,
            history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
            skip_archival=True,
        )
        while True:
            page = await next_page(self._client, request)
            if page.history.events:
                return
            request.next_page_token = page.next_page_token

    def stop(self) -> None:
        """Follow no longer."""
        for task in self._elsewhere:
            task.cancel()


def _outcome_elsewhere(task: asyncio.Task[object], place: Place) -> Outcome:
    try:
        return Outcome(place.index, place.child_id, task.result())
    except JobError as error:
        return Outcome(place.index, place.child_id, error=error)
