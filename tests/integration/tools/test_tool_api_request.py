"""The API tool against a real HTTP server."""

import asyncio
import gzip
import json
import shutil
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tools_http import WebServer

from gnosari_temporal.errors import RetryLater, ToolDefinitionError, ToolError, ToolInputError
from gnosari_temporal.tools import ToolCall, load_builtin, run_tool
from gnosari_temporal.tools.network.transport import GuardedBackend

CALL = ToolCall(task_id="task-1", idempotency_key="key-1")


@pytest.fixture
def make(web: WebServer) -> Callable[..., Any]:
    def make_tool(**args: Any) -> Any:
        return load_builtin("api_request", {"base_url": web.url, "allowed_hosts": [web.host], **args})

    return make_tool


async def test_a_request_has_method_path_query_headers_and_body(make: Callable[..., Any]) -> None:
    tool = make(base_headers={"X-Team": "blue"})

    answer = await run_tool(
        tool,
        {
            "endpoint": "/users/7?full=1",
            "method": "post",
            "query_params": {"page": 2},
            "body_params": {"name": "Zoë"},
            "headers": {"X-Trace": "t1"},
        },
    )

    assert (answer["status_code"], answer["ok"], answer["truncated"]) == (200, True, False)
    sent = answer["body"]
    assert sent["method"] == "POST"
    assert sent["path"] == "/users/7?full=1&page=2"
    assert json.loads(sent["body"]) == {"name": "Zoë"}
    assert sent["headers"]["x-team"] == "blue"
    assert sent["headers"]["x-trace"] == "t1"
    assert sent["headers"]["content-type"] == "application/json"


async def test_gnosaris_way_of_giving_json_as_text_works(make: Callable[..., Any]) -> None:
    answer = await run_tool(
        make(), {"endpoint": "/x", "method": "PUT", "body_params": '{"a": 1}', "headers": '{"X-A": "b"}'}
    )

    assert answer["body"]["body"] == '{"a": 1}'
    assert answer["body"]["headers"]["x-a"] == "b"


async def test_every_attempt_of_a_call_sends_the_same_idempotency_key(make: Callable[..., Any]) -> None:
    for attempt in (1, 2):
        call = ToolCall("task-1", "key-1", attempt=attempt)
        answer = await run_tool(
            make(), {"endpoint": "/", "method": "POST", "headers": {"idempotency-key": "mine"}}, call=call
        )
        assert answer["body"]["headers"]["idempotency-key"] == "key-1"

    assert "idempotency-key" not in (await run_tool(make(), {"endpoint": "/"}))["body"]["headers"]


async def test_headers_of_the_team_file_win_over_headers_of_the_call(make: Callable[..., Any], web: WebServer) -> None:
    tool = make(base_headers={"Authorization": "Bearer of-the-team"})

    await run_tool(tool, {"endpoint": "/", "headers": {"authorization": "Bearer of-the-call"}})

    assert web.requests[-1].headers.get_all("Authorization") == ["Bearer of-the-team"]


async def test_a_secret_that_the_server_echoes_is_not_in_the_result(make: Callable[..., Any], web: WebServer) -> None:
    tool = make(base_headers={"Authorization": "Bearer s3cr3t-t0ken", "X-Api-Key": "k3y-k3y-k3y"})

    answer = await run_tool(tool, {"endpoint": "/echo"})

    assert web.requests[-1].headers["Authorization"] == "Bearer s3cr3t-t0ken"  # the server did get it
    assert "s3cr3t-t0ken" not in json.dumps(answer)
    assert "k3y-k3y-k3y" not in json.dumps(answer)
    assert answer["body"]["headers"]["authorization"] == "***"


async def test_a_secret_is_not_in_an_error_either(make: Callable[..., Any], web: WebServer) -> None:
    web.routes["/down"] = lambda handler: handler.reply(503, handler.headers["Authorization"].encode())

    with pytest.raises(ToolError) as caught:
        await run_tool(make(base_headers={"Authorization": "Bearer s3cr3t-t0ken"}), {"endpoint": "/down"})

    assert "answered 503" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


async def test_another_origin_gets_no_headers_of_the_team(make: Callable[..., Any], web: WebServer) -> None:
    other = WebServer()
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        web.redirect("/here", "/there")
        web.redirect("/there", f"{other.url}/elsewhere")
        tool = make(base_headers={"Authorization": "Bearer s3cr3t", "X-Api-Key": "secret"}, allowed_hosts=["127.0.0.1"])

        answer = await run_tool(tool, {"endpoint": "/here", "headers": {"X-Call": "1"}}, call=CALL)
    finally:
        other.shutdown()
        other.server_close()

    assert answer["redirects"] == 2
    assert answer["url"] == f"{other.url}/elsewhere"
    names = set(answer["body"]["headers"])
    assert not names & {"authorization", "x-api-key", "x-call", "idempotency-key"}
    assert [handler.headers.get("X-Api-Key") for handler in web.requests] == ["secret", "secret"]


async def test_a_body_is_not_sent_to_another_origin(make: Callable[..., Any], web: WebServer) -> None:
    web.redirect("/post", "http://127.0.0.1:1/", 307)

    with pytest.raises(ToolInputError, match="the body is not sent there"):
        await run_tool(
            make(allowed_hosts=["127.0.0.1"]), {"endpoint": "/post", "method": "POST", "body_params": {"a": 1}}
        )


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_redirects_change_the_method_as_browsers_do(
    make: Callable[..., Any], web: WebServer, status: int, method: str
) -> None:
    web.redirect("/a", "/b", status)

    answer = await run_tool(make(), {"endpoint": "/a", "method": "POST", "body_params": {"x": 1}})

    assert answer["body"]["method"] == method
    assert bool(answer["body"]["body"]) is (method == "POST")


async def test_redirects_end(make: Callable[..., Any], web: WebServer) -> None:
    web.redirect("/loop", "/loop")

    with pytest.raises(ToolInputError, match="redirects more than 5 times"):
        await run_tool(make(), {"endpoint": "/loop"})
    answer = await run_tool(make(follow_redirects=False), {"endpoint": "/loop"})

    assert answer["status_code"] == 302
    assert answer["headers"]["location"] == "/loop"


@pytest.mark.parametrize("status", [400, 404, 422, 501])
async def test_a_refusal_by_the_server_is_a_result(make: Callable[..., Any], web: WebServer, status: int) -> None:
    web.routes["/x"] = lambda handler: handler.reply(status, {"error": "no"})

    answer = await run_tool(make(), {"endpoint": "/x"})

    assert (answer["status_code"], answer["ok"], answer["body"]) == (status, False, {"error": "no"})


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_passing_fault_of_the_server_fails_the_attempt(
    make: Callable[..., Any], web: WebServer, status: int
) -> None:
    web.routes["/x"] = lambda handler: handler.reply(status, {"error": "later"})

    with pytest.raises(ToolError, match=f"GET {web.url}/x answered {status} .*later") as caught:
        await run_tool(make(), {"endpoint": "/x"})

    assert not isinstance(caught.value, ValueError)  # a ValueError would not be retried
    assert len(web.requests) == 1  # and nothing underneath retries
    assert (await run_tool(make(retry_statuses=[]), {"endpoint": "/x"}))["status_code"] == status


async def test_the_servers_wish_to_be_left_alone_is_kept(make: Callable[..., Any], web: WebServer) -> None:
    web.routes["/s"] = lambda handler: handler.reply(429, b"", {"Retry-After": "7"})
    web.routes["/d"] = lambda handler: handler.reply(
        503, b"", {"Date": "Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2026 07:28:09 GMT"}
    )
    web.routes["/forever"] = lambda handler: handler.reply(503, b"", {"Retry-After": "9" * 30})

    for path, seconds in (("/s", 7), ("/forever", 3600)):
        with pytest.raises(RetryLater) as caught:
            await run_tool(make(), {"endpoint": path})
        assert caught.value.delay.total_seconds() == seconds


async def test_a_large_body_is_cut(make: Callable[..., Any], web: WebServer) -> None:
    web.routes["/big"] = lambda handler: handler.reply(200, b"x" * 3_000_000, {"Content-Type": "text/plain"})

    answer = await run_tool(make(max_response_size=1000), {"endpoint": "/big"})

    assert answer["truncated"] is True
    assert answer["body"] == "x" * 1000


async def test_a_small_body_that_unpacks_to_a_gigabyte_does_not(make: Callable[..., Any], web: WebServer) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    web.routes["/bomb"] = lambda handler: handler.reply(
        200, bomb, {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    )
    web.routes["/fine"] = lambda handler: handler.reply(
        200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    )
    web.routes["/odd"] = lambda handler: handler.reply(200, b"x", {"Content-Encoding": "br"})
    web.routes["/broken"] = lambda handler: handler.reply(200, b"x", {"Content-Encoding": "gzip"})

    tool = make(max_response_size=100_000)
    await run_tool(tool, {"endpoint": "/fine"})  # what is imported and set up once is there now
    tracemalloc.start()
    try:
        answer = await run_tool(tool, {"endpoint": "/bomb"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert answer["truncated"] is True
    assert peak < 10_000_000
    assert (await run_tool(make(), {"endpoint": "/fine"}))["body"] == {"a": 1}
    for path in ("/odd", "/broken"):
        with pytest.raises(ToolError):
            await run_tool(make(), {"endpoint": path})


async def test_text_bytes_and_broken_json_are_given_as_what_they_are(make: Callable[..., Any], web: WebServer) -> None:
    web.routes["/latin"] = lambda h: h.reply(200, b"caf\xe9", {"Content-Type": "text/plain; charset=latin-1"})
    web.routes["/png"] = lambda h: h.reply(200, b"\x89PNG\0", {"Content-Type": "image/png"})
    web.routes["/json"] = lambda h: h.reply(200, b"{nope", {"Content-Type": "application/json"})
    web.routes["/empty"] = lambda h: h.reply(204, b"", {"Content-Type": "application/json"})

    bodies = [(await run_tool(make(), {"endpoint": p}))["body"] for p in ("/latin", "/png", "/json", "/empty")]

    assert bodies == ["café", "(5 bytes of image/png, not shown)", "{nope", None]


async def test_cookies_are_not_in_the_result(make: Callable[..., Any], web: WebServer) -> None:
    web.routes["/login"] = lambda handler: handler.reply(200, {}, {"Set-Cookie": "session=abc"})

    assert "set-cookie" not in (await run_tool(make(), {"endpoint": "/login"}))["headers"]


async def test_a_slow_server_is_given_up_on_within_the_timeout(make: Callable[..., Any], web: WebServer) -> None:
    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    web.routes["/drip"] = drip
    started = time.monotonic()
    with pytest.raises(ToolError, match=r"no full answer within 0\.5 s"):
        await run_tool(make(timeout="500ms"), {"endpoint": "/drip", "timeout": 600})

    assert time.monotonic() - started < 2


async def test_a_server_that_is_not_there_can_be_retried(web: WebServer) -> None:
    tool = load_builtin("api_request", {"base_url": "http://127.0.0.1:1", "allow_private": True})

    with pytest.raises(ToolError, match=r"GET http://127\.0\.0\.1:1: ") as caught:
        await run_tool(tool, {"endpoint": "/x"})

    assert not isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"endpoint": "/../admin"}, "endpoint"),
        ({"endpoint": "/a/%2e%2e/%2E%2e/admin"}, "endpoint"),
        ({"endpoint": "/a/..%2fadmin"}, "endpoint"),
        ({"endpoint": "/a\\..\\admin"}, "endpoint"),
        ({"endpoint": "https://evil.example/"}, "endpoint"),
        ({"base_url": "https://evil.example", "endpoint": "/"}, "base_url"),
        ({"endpoint": "/", "verify_ssl": False}, "verify_ssl"),
        ({"endpoint": "/", "method": "TRACE"}, "method"),
        ({"endpoint": "/", "headers": {"Host": "internal"}}, "headers"),
        ({"endpoint": "/", "headers": {"Transfer-Encoding": "chunked"}}, "headers"),
        ({"endpoint": "/", "headers": {"X-A": "b\r\nX-Injected: 1"}}, "headers"),
        ({"endpoint": "/", "headers": "[1]"}, "headers"),
        ({"endpoint": "/", "body_params": "{nope"}, "body_params"),
        ({"endpoint": "/", "timeout": 0}, "timeout"),
        ({"endpoint": "/", "methd": "GET"}, "methd"),
    ],
)
async def test_a_refused_argument_is_named(
    make: Callable[..., Any], web: WebServer, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(ToolInputError) as caught:
        await run_tool(make(), arguments)

    assert caught.value.fields == (field,)
    assert field in str(caught.value)
    assert web.requests == []


@pytest.mark.parametrize("endpoint", ["@evil.example/", "//evil.example/", "/x@evil.example", ":80@evil.example/"])
async def test_an_endpoint_never_becomes_a_host(make: Callable[..., Any], web: WebServer, endpoint: str) -> None:
    answer = await run_tool(make(), {"endpoint": endpoint})

    assert answer["url"].startswith(f"{web.url}/")
    assert len(web.requests) == 1


def test_args_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="base_headers without base_url"):
        load_builtin("api_request", {"base_headers": {"Authorization": "x"}})
    with pytest.raises(ToolDefinitionError, match="base_url has a query"):
        load_builtin("api_request", {"base_url": "https://api.example.com/?key=1"})
    with pytest.raises(ToolDefinitionError, match="'a b' is no host"):
        load_builtin("api_request", {"allowed_hosts": ["a b"]})


async def test_cancellation_ends_the_request(make: Callable[..., Any], web: WebServer) -> None:
    started = threading.Event()

    def hang(handler: Any) -> None:
        started.set()
        time.sleep(3)

    web.routes["/hang"] = hang
    task = asyncio.create_task(run_tool(make(), {"endpoint": "/hang"}))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        if shutil.which("openssl") is None:
            pytest.skip("openssl makes the certificate")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", "key.pem",
             "-out", "cert.pem", "-subj", "/CN=api.example", "-addext", "subjectAltName=DNS:api.example"],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip
        return tmp_path / "cert.pem"

    @pytest.fixture
    def secure(self, certificate: Path) -> Iterator[WebServer]:
        server = WebServer()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        server.server_close()

    def tool(self, secure: WebServer, host: str, verify: Any) -> Any:
        async def resolve(name: str, port: int) -> list[str]:
            return ["127.0.0.1"]

        tool = load_builtin(
            "api_request",
            {"base_url": f"https://{host}:{secure.port}", "verify_ssl": verify, "allow_private": True},
        )
        tool.backend = lambda policy: GuardedBackend(policy, resolve)
        return tool

    async def test_the_name_is_verified_although_the_address_is_connected_to(
        self, secure: WebServer, certificate: Path
    ) -> None:
        answer = await run_tool(self.tool(secure, "api.example", str(certificate)), {"endpoint": "/"})
        assert answer["body"]["headers"]["host"] == f"api.example:{secure.port}"

        with pytest.raises(ToolError, match="certificate verify failed"):
            await run_tool(self.tool(secure, "other.example", str(certificate)), {"endpoint": "/"})

    async def test_an_unknown_authority_is_refused_unless_switched_off(self, secure: WebServer) -> None:
        with pytest.raises(ToolError, match="certificate verify failed"):
            await run_tool(self.tool(secure, "api.example", True), {"endpoint": "/"})

        assert (await run_tool(self.tool(secure, "api.example", False), {"endpoint": "/"}))["ok"]
        with pytest.raises(ToolError, match="certificate verify failed"):
            await run_tool(self.tool(secure, "api.example", False), {"endpoint": "/", "verify_ssl": True})

    async def test_a_file_of_authorities_that_is_none_is_named(self, tmp_path: Path) -> None:
        tool = load_builtin("api_request", {"base_url": "https://x.example", "verify_ssl": "nowhere.pem"})

        with pytest.raises(ToolDefinitionError, match=r"verify_ssl: 'nowhere\.pem' is no file of certificates"):
            await run_tool(tool, {"endpoint": "/"})
