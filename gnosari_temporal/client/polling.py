"""The long poll: waiting for what a workflow's history gets."""

from __future__ import annotations

import asyncio

from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
)
from temporalio.client import Client

_ASK_AGAIN = 1.0
"""Seconds until the first question is asked again."""
_LONGEST = 30.0
"""Seconds of the longest question; the server gives up one after 20."""


async def next_page(client: Client, request: GetWorkflowExecutionHistoryRequest) -> GetWorkflowExecutionHistoryResponse:
    """The answer to a request with ``wait_new_event``; asked again after 1, 2, 4 … s, since the server does not tell
    about one long poll in a thousand what it waits for.

    Raises:
        temporalio.service.RPCError: there is no such workflow, or the server does not answer.
    """
    patience = _ASK_AGAIN
    while True:
        asking = asyncio.ensure_future(client.workflow_service.get_workflow_execution_history(request, retry=True))
        try:
            await asyncio.wait({asking}, timeout=patience)
        finally:
            if not asking.done():
                asking.cancel()
        if asking.done() and not asking.cancelled():
            return asking.result()
        patience = min(patience * 2, _LONGEST)
