"""An OpenAI-compatible HTTP server for tests: real HTTP on loopback, answers by a function of the request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass
class Call:
    """A request that came."""

    at: float
    body: dict[str, Any]

    @property
    def system(self) -> str:
        """The agent's instructions."""
        return next((str(m["content"]) for m in self.body["messages"] if m["role"] == "system"), "")

    @property
    def last(self) -> str:
        """The last message's content."""
        return str(self.body["messages"][-1].get("content"))

    @property
    def turn(self) -> int:
        """Which turn of the conversation it is; 1 is the first."""
        return 1 + sum(message["role"] == "assistant" for message in self.body["messages"])


@dataclass
class Reply:
    """What the server answers."""

    text: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    tokens: tuple[int, int] = (10, 5)
    pause: float = 0.0
    """Seconds between the pieces of a stream."""


class OpenAIServer:
    """Answers ``POST /v1/chat/completions``, and plainly ``POST /v1/responses``."""

    def __init__(self, answer: Callable[[Call], Reply]) -> None:
        self.answer = answer
        self.calls: list[Call] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                call = Call(time.monotonic(), body)
                outer.calls.append(call)
                outer.paths.append(self.path)
                reply = outer.answer(call)
                if reply.status != 200:
                    error = {"error": {"message": reply.text, "type": "test", "code": None}}
                    self._send(reply, json.dumps(error), "application/json")
                elif self.path.endswith("/responses"):
                    self._send(reply, json.dumps(response(reply, len(outer.calls))), "application/json")
                elif body.get("stream"):
                    self._stream(reply, len(outer.calls))
                else:
                    self._send(reply, json.dumps(completion(reply, len(outer.calls))), "application/json")

            def _send(self, reply: Reply, text: str, kind: str) -> None:
                data = text.encode()
                self.send_response(reply.status)
                for name, value in {**reply.headers, "content-type": kind, "content-length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, reply: Reply, number: int) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for chunk in chunks(reply, number):
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                    self.wfile.flush()
                    time.sleep(reply.pause)
                self.wfile.write(b"data: [DONE]\n\n")
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """For ``OPENAI_BASE_URL``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def completion(reply: Reply, number: int) -> dict[str, Any]:
    """A chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.calls:
        message["tool_calls"] = tool_calls(reply, number)
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1,
        "model": "test",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if reply.calls else "stop"}],
        "usage": usage(reply),
    }


def response(reply: Reply, number: int) -> dict[str, Any]:
    """A response of the Responses API."""
    content = [{"type": "output_text", "text": reply.text, "annotations": []}]
    message = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": content}
    tokens = {
        "input_tokens": reply.tokens[0],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": reply.tokens[1],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(reply.tokens),
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "test",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": tokens,
    }


def chunks(reply: Reply, number: int) -> list[dict[str, Any]]:
    """The same as a stream."""
    base = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1, "model": "test"}
    words = reply.text.split(" ")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word if last == len(words) else f"{word} "} for last, word in enumerate(words, 1) if word]
    if reply.calls:
        deltas.append({"tool_calls": [{"index": n, **c} for n, c in enumerate(tool_calls(reply, number))]})
    made = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    made.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    made.append({**base, "choices": [], "usage": usage(reply)})
    return made


def tool_calls(reply: Reply, number: int) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{number}_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(args)}}
        for n, (name, args) in enumerate(reply.calls, 1)
    ]


def usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.tokens[0],
        "completion_tokens": reply.tokens[1],
        "total_tokens": sum(reply.tokens),
    }
