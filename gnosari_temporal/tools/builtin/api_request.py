"""APIRequestTool: HTTP requests to an API."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator, validate_call

from ...durations import PositiveDuration, parse_duration
from ...errors import RetryLater, ToolDefinitionError, ToolError, ToolInputError
from ..arguments import shown
from ..context import current_call
from ..extras import needs_extra
from ..network.http_tool import HttpTool
from ..network.secrets import secrets_in, veil

if TYPE_CHECKING:
    from ..network.fetch import Fetched, FetchRequest

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RETRY_STATUSES: Final = (408, 425, 429, 500, 502, 503, 504)
_CALLER_MAY_NOT: Final = ("host", "connection", "content-length", "transfer-encoding", "te", "upgrade")
_LONGEST_WAIT: Final = timedelta(hours=1)
_EXCERPT: Final = 300


class APIRequest(BaseModel):
    """The arguments of one request."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(default="", description="Path of the API endpoint, as /users/123")
    method: str = Field(default="GET", description=f"One of {', '.join(METHODS)}")
    query_params: dict[str, Any] | None = Field(default=None, description="Parameters of the query string")
    body_params: dict[str, Any] | list[Any] | str | None = Field(
        default=None, description="Body to send as JSON: an object, a list, or the JSON text of one"
    )
    headers: dict[str, str] | None = Field(default=None, description="Further headers of the request")
    base_url: str | None = Field(default=None, description="Base URL, where the tool has none of its own")
    timeout: float | None = Field(default=None, gt=0, description="Seconds, at most the tool's own timeout")
    verify_ssl: bool | None = Field(default=None, description="True to check certificates")

    @field_validator("method")
    @classmethod
    def _known_method(cls, value: str) -> str:
        if value.upper() not in METHODS:
            raise ValueError(f"must be one of {', '.join(METHODS)}")
        return value.upper()

    @field_validator("headers", "query_params", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        """Gnosari's calls give these as JSON text."""
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("must be an object, or the JSON text of one") from None


class APIRequestTool(HttpTool[APIRequest]):
    """HTTP requests to an API; this machine and private networks are out of reach unless allowed.

    An answer with any status is a result, except for ``retry_statuses``: those fail the attempt, and the job is
    tried again by its policy, no sooner than the server's ``Retry-After`` says. There are no retries below that.
    Every attempt of a call sends the same ``Idempotency-Key``.
    """

    @validate_call
    def __init__(
        self,
        base_url: str | None = None,
        base_headers: dict[str, str] | None = None,
        timeout: PositiveDuration = timedelta(seconds=30),
        verify_ssl: bool | str = True,
        max_response_size: Annotated[int, Field(gt=0)] = 512 * 1024,
        allow_private: bool = False,
        allowed_hosts: list[str] | None = None,
        only_hosts: list[str] | None = None,
        follow_redirects: bool = True,
        retry_statuses: list[int] | None = None,
        tool_name: str = "api_request",
        tool_description: str = "Make HTTP requests to API endpoints",
    ) -> None:
        """``base_url`` is fixed: calls choose paths below it. Without it a call names the whole URL.

        ``base_headers`` go to the origin of ``base_url`` (or to ``only_hosts``) and nowhere else, also after a
        redirect, and win over headers of the call. ``timeout`` covers everything, a number is seconds.
        ``verify_ssl`` is true, false, or the path of a PEM file of authorities. Bodies are cut at
        ``max_response_size`` bytes. The three lists of hosts are those of ``HttpTool``. ``retry_statuses`` are by
        default 408, 425, 429, 500, 502, 503 and 504.

        Raises:
            ToolDefinitionError: these don't go together.
        """
        super().__init__(
            tool_name,
            tool_description,
            APIRequest,
            timeout=timeout,
            verify_ssl=verify_ssl,
            allow_private=allow_private,
            allowed_hosts=allowed_hosts,
            only_hosts=only_hosts,
        )
        if base_headers and base_url is None and only_hosts is None:
            raise ToolDefinitionError(
                f"{tool_name}: base_headers without base_url would go to whatever host a call names; "
                "set base_url, or list the hosts in only_hosts"
            )
        if base_url is not None and any(mark in base_url for mark in "?#"):
            raise ToolDefinitionError(
                f"{tool_name}: base_url has a query or a fragment; give only scheme, host and path"
            )
        self.base_url = None if base_url is None else base_url.rstrip("/")
        self.base_headers = dict(base_headers or {})
        self.max_response_size = max_response_size
        self.follow_redirects = follow_redirects
        self.retry_statuses = RETRY_STATUSES if retry_statuses is None else tuple(retry_statuses)

    async def run(self, input_data: APIRequest) -> dict[str, Any]:
        """Send the request.

        Raises:
            ToolInputError: the URL, a header or the host is refused.
            ToolError: no answer, or a status of ``retry_statuses``; RetryLater if the server says when.
        """
        with needs_extra(self.name):
            from ..network.fetch import FetchRequest
        content, media_type = _body(input_data.body_params)
        request = FetchRequest(
            url=self._url(input_data),
            method=input_data.method,
            headers=self._headers(input_data, media_type),
            params=input_data.query_params,
            content=content,
            accept="application/json, */*;q=0.5",
            timeout=self._timeout(input_data),
            limit=self.max_response_size,
            verify=self._verify(input_data),
            follow_redirects=self.follow_redirects,
        )
        secrets = secrets_in(self.base_headers)
        answer = await self.fetch(request)
        if answer.status in self.retry_statuses:
            raise self._failure(request, answer, secrets)
        return {
            "status_code": answer.status,
            "ok": answer.status < 400,
            "url": veil(answer.url, secrets),
            "headers": veil(_result_headers(answer), secrets),
            "body": veil(_result_body(answer), secrets),
            "truncated": answer.truncated,
            "redirects": answer.redirects,
        }

    def _url(self, wanted: APIRequest) -> str:
        base, endpoint = self.base_url, wanted.endpoint.strip()
        if wanted.base_url is not None:
            given = wanted.base_url.rstrip("/")
            if base is not None and given != base:
                raise ToolInputError(
                    f"base_url: this tool's base_url is fixed to {base}; leave it out", fields=("base_url",)
                )
            base = given
        if base is None:
            return endpoint
        if endpoint.lower().startswith(("http://", "https://")):
            if not endpoint.startswith(f"{base}/"):
                raise ToolInputError(f"endpoint: give the path below {base} only", fields=("endpoint",))
            endpoint = endpoint.removeprefix(base)
        path, mark, query = endpoint.partition("?")
        if any(part.lower().replace("%2e", ".") in ("..", ".") for part in _parts(path)):
            raise ToolInputError(f"endpoint: {shown(endpoint)} leaves the base URL with '..'", fields=("endpoint",))
        path = path.lstrip("/")
        return f"{base}/{path}{mark}{query}" if path else f"{base}{mark}{query}"

    def _headers(self, wanted: APIRequest, media_type: str | None) -> dict[str, str]:
        headers = {"Content-Type": media_type} if media_type else {}
        for name, value in (wanted.headers or {}).items():
            if name.lower() in _CALLER_MAY_NOT or name.lower().startswith("proxy-"):
                raise ToolInputError(f"headers.{name}: this header is set by the tool alone", fields=("headers",))
            headers[name.title()] = value
        call = current_call()
        if call is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        headers.update({name.title(): value for name, value in self.base_headers.items()})
        for name, value in headers.items():
            if any(ord(mark) < 32 or ord(mark) == 127 for mark in f"{name}{value}") or not name.isascii():
                raise ToolInputError(f"headers.{name!r}: control characters are refused", fields=("headers",))
        return headers

    def _timeout(self, wanted: APIRequest) -> timedelta:
        return self.timeout if wanted.timeout is None else min(parse_duration(wanted.timeout), self.timeout)

    def _verify(self, wanted: APIRequest) -> bool | str:
        if wanted.verify_ssl is False and self.verify_ssl is not False:
            raise ToolInputError(
                "verify_ssl: a call cannot switch it off; set it in the tool's args", fields=("verify_ssl",)
            )
        return True if wanted.verify_ssl and self.verify_ssl is False else self.verify_ssl

    def _failure(self, request: FetchRequest, answer: Fetched, secrets: tuple[str, ...]) -> Exception:
        body = " ".join(answer.text().split())[:_EXCERPT]
        said = f"{request.method} {answer.url.partition('?')[0]} answered {answer.status} {answer.reason}".strip()
        text = veil(f"{self.name}: {said}{f': {body}' if body else ''}", secrets)
        wait = _retry_after(answer)
        return ToolError(text) if wait is None else RetryLater(text, delay=wait)


def _parts(path: str) -> list[str]:
    decoded = path.lower().replace("%2f", "/").replace("%5c", "/").replace("\\", "/")
    return decoded.split("/")


def _body(value: Any) -> tuple[bytes | None, str | None]:
    if value is None:
        return None, None
    if isinstance(value, str):
        try:
            json.loads(value)
        except json.JSONDecodeError as error:
            raise ToolInputError(
                f"body_params: the text is no JSON ({error}): {shown(value)}", fields=("body_params",)
            ) from None
        return value.encode(), "application/json"
    return json.dumps(value, ensure_ascii=False).encode(), "application/json"


def _result_headers(answer: Fetched) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "set-cookie"}


def _result_body(answer: Fetched) -> Any:
    kind = answer.media_type
    if (kind == "application/json" or kind.endswith("+json")) and not answer.truncated:
        try:
            return json.loads(answer.content) if answer.content else None
        except ValueError:
            return answer.text()
    binary = kind.startswith(("image/", "audio/", "video/", "font/")) or b"\0" in answer.content[:1024]
    if binary or kind in ("application/octet-stream", "application/zip", "application/pdf"):
        return f"({len(answer.content)} bytes of {kind or 'binary data'}, not shown)"
    return answer.text()


def _retry_after(answer: Fetched) -> timedelta | None:
    """How long the server asks to be left alone, in seconds or until a date; at most an hour."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text), 10**6)), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
        now = parsedate_to_datetime(answer.headers.get("date", ""))
        return min(max(until - now, timedelta(0)), _LONGEST_WAIT)
    except (ValueError, TypeError):
        return None
