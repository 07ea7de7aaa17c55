"""A secret of a team file is in no history: searched in what the ``temporal`` program shows of the job."""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tools_http import WebServer

from gnosari_temporal import GnosariClient, JobFailed
from gnosari_temporal.client import TeamTools, ToolTicket
from gnosari_temporal.server.binary import find_binary
from gnosari_temporal.tools import AllowedTools, ToolGrants, load_tool, run_tool
from gnosari_temporal.tools.expansion import Expansion

TOKEN = "s3cr3t/tok+en=" + "x7" * 20

TEAM = """
tools:
  - {name: echo, module: job_tools, class: EchoTool, mode: async, args: {token: "${TOKEN}"}}
  - name: leaky
    module: job_tools
    class: LeakyTool
    mode: async
    args: {token: "${TOKEN}"}
    retry: {max_retries: 1, initial_interval: 50ms}
  - {name: later, module: job_tools, class: LaterTool, mode: async, args: {token: "${TOKEN}"}}
  - {name: wrong_args, module: job_tools, class: EchoTool, mode: async, args: {token: "${TOKEN}", tokn: "${TOKEN}"}}
  - name: api
    mode: async
    module: gnosari.tools.builtin.api_request
    class: APIRequestTool
    retry: {max_retries: 0}
    args:
      base_url: "${API_URL}"
      base_headers: {Authorization: "Bearer ${TOKEN}"}
"""


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def shown_history(client: GnosariClient, job: str) -> str:
    """The job's history as ``temporal workflow show`` prints it, readable and raw, with what is encoded in it."""
    address = client.temporal.service_client.config.target_host
    shown = ""
    for flags in ([], ["--no-json-shorthand-payloads"]):
        command = [find_binary(), "workflow", "show", "--workflow-id", job, "--address", address, "-o", "json", *flags]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        shown += ran.stdout + "\n".join(decoded_texts(json.loads(ran.stdout)))
    return shown


def decoded_texts(value: Any) -> Iterator[str]:
    """Every text below, and what it says if it is base64."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from decoded_texts(item)
    elif isinstance(value, str):
        yield value
        try:
            yield base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return


def assert_no_trace_of_the_token(text: str) -> None:
    assert "${TOKEN}" in text, "the history does not even show where the secret goes"
    for form in (TOKEN, quote(TOKEN), quote(TOKEN, safe=""), TOKEN[:16]):
        assert form not in text
        assert json.dumps(form)[1:-1] not in text
        assert base64.b64encode(form.encode()).decode()[:16] not in text


async def finished(client: GnosariClient, tools: TeamTools, name: str, arguments: dict[str, Any]) -> tuple[Any, str]:
    """A call's result and the history of its job."""
    ticket = await tools.call(name, arguments)
    assert isinstance(ticket, ToolTicket)
    result = await client.tool_result(ticket.task_id, 30)
    return result, shown_history(client, ticket.job_id)


async def test_a_tool_that_returns_its_secret_is_veiled(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    tools = await serve_team(TEAM, environ={"TOKEN": TOKEN})

    result, history = await finished(gnosari_client, tools, "echo", {"key": key, "text": "${TOKEN}"})

    assert_no_trace_of_the_token(history)
    assert result["result"] == {
        "token": "${TOKEN}",
        "nested": ["Bearer ${TOKEN}", {"${TOKEN}": 1}],
        "said": "${TOKEN}",  # what a caller writes is never resolved
    }


async def test_a_failure_with_the_secret_in_every_text_is_veiled_and_retried_as_ever(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    tools = await serve_team(TEAM, environ={"TOKEN": TOKEN})

    result, history = await finished(gnosari_client, tools, "leaky", {"key": key})

    assert_no_trace_of_the_token(history)
    assert result["error"] == "ConnectionError: login with '${TOKEN}' failed: ${TOKEN}…"
    with pytest.raises(JobFailed) as failure:
        await gnosari_client.job(f"ToolExecutionMessage/{result['task_id']}").result()
    assert (failure.value.attempts, failure.value.exception_type) == (2, "ConnectionError")
    assert "https://u:${TOKEN}@host/" in history, "the cause is told in the traceback"


async def test_a_failure_that_says_when_to_try_again_is_veiled_and_keeps_its_delay(
    serve_team: Any, gnosari_client: GnosariClient, key: str
) -> None:
    tools = await serve_team(TEAM, environ={"TOKEN": TOKEN})

    result, history = await finished(gnosari_client, tools, "later", {"key": key})

    assert_no_trace_of_the_token(history)
    assert result["result"] == "done"


async def test_a_constructor_s_complaint_is_veiled(serve_team: Any, gnosari_client: GnosariClient, key: str) -> None:
    tools = await serve_team(TEAM, environ={"TOKEN": TOKEN})

    result, history = await finished(gnosari_client, tools, "wrong_args", {"key": key})

    assert_no_trace_of_the_token(history)
    assert "args.tokn: unknown argument" in result["error"]


@pytest.mark.parametrize("path", ["/echo", "/fails"])
async def test_an_api_that_echoes_the_request_is_veiled(
    serve_team: Any, gnosari_client: GnosariClient, web: WebServer, path: str
) -> None:
    # given a server that sends back what it was sent, with status 200 or 500
    web.routes["/fails"] = lambda handler: handler.reply(500, {"you sent": dict(handler.headers.items())})
    settings = gnosari_client.settings
    reachable = settings.tools.model_copy(update={"allowed_hosts": (web.host,)})
    tools = await serve_team(TEAM, environ={"TOKEN": TOKEN, "API_URL": web.url}, changes={"tools": reachable})

    # when
    result, history = await finished(gnosari_client, tools, "api", {"endpoint": path})

    # then
    assert web.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert result["status"] == ("completed" if path == "/echo" else "error")
    assert_no_trace_of_the_token(history)


def test_values_in_errors_are_named_and_short_words_stay_readable() -> None:
    # given
    environ = {"DIR": "/srv/data", "PORT": "80", "BRANCH": "main", "PASSWORD": "a b'c\nd", "URL": "http://u:p@h/db"}
    expansion = Expansion.of({"a": ["${DIR}", {"b": "${PORT}${BRANCH}"}], "c": "${PASSWORD} ${URL} ${NONE:x}"}, environ)

    # then
    assert expansion.args["c"] == "a b'c\nd http://u:p@h/db x"
    assert expansion.veil_error("no /srv/data/x on port 80 of main, maintained") == (
        "no ${DIR}/x on port 80 of ${BRANCH}, maintained"
    )
    assert expansion.veil_error(f"{environ['PASSWORD']!r} and a b'c d") == '"${PASSWORD}" and ${PASSWORD}'
    assert "http://u:p" not in expansion.veil_error("http://u:p@h/db is down")
    # a result keeps hosts and folders, and loses credentials
    assert expansion.veil_result({"file": "/srv/data/x", "db": "http://u:p@h/db", "n": 80, "ok": None}) == {
        "file": "/srv/data/x",
        "db": "${URL}",
        "n": 80,
        "ok": None,
    }
    assert expansion.veil_result(["a b'c\nd"]) == ["${PASSWORD}"]


def test_the_repr_of_an_expansion_shows_no_value() -> None:
    assert TOKEN not in repr(Expansion({}, {"TOKEN": TOKEN}))


async def test_what_a_caller_writes_is_never_resolved() -> None:
    tool = load_tool("job_tools", "EchoTool", {"token": "t"}, allowed=AllowedTools(["job_tools"]))

    assert (await run_tool(tool, {"key": "k", "text": "${HOME}"}, grants=ToolGrants()))["said"] == "${HOME}"
