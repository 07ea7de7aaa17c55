"""Attempts to make the HTTP tool reach this machine or a private network: none connects.

A canary listens on every address of this machine; a recorder stands where sockets would be opened. After every
attempt both have seen nothing. Names are resolved by the test, so that they lead where the attack wants them.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import pytest
from tools_http import Canary, WebServer

from gnosari_temporal.errors import ToolError, ToolInputError
from gnosari_temporal.tools import ToolGrants, run_tool
from gnosari_temporal.tools.builtin.api_request import APIRequestTool
from gnosari_temporal.tools.builtin.website_content import WebsiteContentTool
from gnosari_temporal.tools.network.policy import NetworkPolicy
from gnosari_temporal.tools.network.transport import GuardedBackend

PUBLIC = "93.184.216.34"
NAMES: dict[str, list[str]] = {
    "loopback.example": ["127.0.0.1"],
    "loopback6.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "mixed6.example": [PUBLIC, "2606:4700::1111", "::1"],
    "unspecified.example": ["0.0.0.0"],
    "private.example": ["192.168.1.10"],
    "metadata.google.internal": ["169.254.169.254"],
    "zone.example": ["fe80::1%lo"],
    "odd.example": ["not an address"],
    "public.example": [PUBLIC],
}


class Recorder(httpcore.AsyncNetworkBackend):
    """Stands where sockets are opened: notes the address, and opens a socket to the test's server instead."""

    def __init__(self, stand_in: WebServer) -> None:
        self.dialled: list[str] = []
        self._stand_in = stand_in
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        return await self._real.connect_tcp("127.0.0.1", self._stand_in.port, timeout)


class Net:
    """The names, the recorder and how often each name was asked for."""

    def __init__(self, web: WebServer) -> None:
        self.recorder = Recorder(web)
        self.asked: list[str] = []
        self.rebinding = [[PUBLIC], ["127.0.0.1"]]

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host == "rebinding.example":
            return self.rebinding[min(len(self.asked), len(self.rebinding)) - 1]
        return NAMES.get(host, ["127.0.0.1"])

    def api(self, **args: Any) -> APIRequestTool:
        return self._instrument(APIRequestTool(**args))

    def website(self, **args: Any) -> WebsiteContentTool:
        return self._instrument(WebsiteContentTool(**args))

    def _instrument(self, tool: Any) -> Any:
        tool.backend = lambda policy: GuardedBackend(policy, self.resolve, self.recorder)
        return tool


@pytest.fixture
def net(web: WebServer) -> Net:
    return Net(web)


DIRECT = {
    "dotted": "http://127.0.0.1:{port}/",
    "localhost": "http://localhost:{port}/",
    "localhost in capitals": "http://LOCALHOST:{port}/",
    "localhost with a dot": "http://localhost.:{port}/",
    "trailing dot": "http://127.0.0.1.:{port}/",
    "two parts": "http://127.1:{port}/",
    "one number": "http://2130706433:{port}/",
    "hexadecimal": "http://0x7f000001:{port}/",
    "hexadecimal parts": "http://0x7f.0x0.0x0.0x1:{port}/",
    "octal": "http://0177.0.0.1:{port}/",
    "octal number": "http://017700000001:{port}/",
    "octal with many zeros": "http://00000177.0.0.01:{port}/",
    "zero": "http://0:{port}/",
    "unspecified": "http://0.0.0.0:{port}/",
    "another loopback": "http://127.254.3.2:{port}/",
    "IPv6": "http://[::1]:{port}/",
    "IPv6 written out": "http://[0:0:0:0:0:0:0:1]:{port}/",
    "IPv6 unspecified": "http://[::]:{port}/",
    "IPv6 mapped": "http://[::ffff:127.0.0.1]:{port}/",
    "IPv6 mapped in hex": "http://[::ffff:7f00:1]:{port}/",
    "IPv6 translated": "http://[::ffff:0:127.0.0.1]:{port}/",
    "IPv6 compatible": "http://[::127.0.0.1]:{port}/",
    "NAT64": "http://[64:ff9b::7f00:1]:{port}/",
    "6to4": "http://[2002:7f00:1::]:{port}/",
    "zone": "http://[fe80::1%25lo]:{port}/",
    "zone of loopback": "http://[::1%25lo]:{port}/",
    "circled digits": "http://①②⑦.⓪.⓪.①:{port}/",
    "ideographic stops": "http://127。0。0。1:{port}/",
    "fullwidth": "http://１２７.0.0.1:{port}/",
    "percent-encoded": "http://%31%32%37.0.0.1:{port}/",
    "credentials before it": "http://public.example@127.0.0.1:{port}/",
    "backslash": "http://public.example\\@127.0.0.1:{port}/",
    "fragment": "http://127.0.0.1:{port}/#@public.example/",
    "tab inside": "http://127.0.0.1\t:{port}/",
    "upper-case scheme": "HTTP://127.0.0.1:{port}/",
    "private": "http://192.168.0.1:{port}/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "name to loopback": "http://loopback.example:{port}/",
    "name to IPv6 loopback": "http://loopback6.example:{port}/",
    "name to mapped loopback": "http://mapped.example:{port}/",
    "name to NAT64 loopback": "http://nat64.example:{port}/",
    "name to public and loopback": "http://mixed.example:{port}/",
    "name to public and IPv6 loopback": "http://mixed6.example:{port}/",
    "name to unspecified": "http://unspecified.example:{port}/",
    "name to private": "http://private.example:{port}/",
    "name to metadata": "http://metadata.google.internal/computeMetadata/v1/",
    "name to a zone": "http://zone.example:{port}/",
    "name to nonsense": "http://odd.example:{port}/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:{port}/_GET",
    "no host": "http:///etc/passwd",
    "Unix socket": "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
}


@pytest.mark.parametrize("name", DIRECT)
async def test_a_url_does_not_connect(net: Net, canary: Canary, name: str) -> None:
    url = DIRECT[name].format(port=canary.port)

    for tool, arguments in ((net.api(), {"endpoint": url}), (net.website(), {"url": url})):
        with pytest.raises(ToolInputError) as caught:
            await run_tool(tool, arguments)
        assert "\n" not in str(caught.value)

    assert net.recorder.dialled == []
    assert canary.connections == 0


REDIRECTS = {
    "to loopback": "http://127.0.0.1:{port}/",
    "to localhost": "http://localhost:{port}/",
    "to a number": "http://2130706433:{port}/",
    "to IPv6": "http://[::1]:{port}/",
    "to a mapped address": "http://[::ffff:7f00:1]:{port}/",
    "to a name for loopback": "http://loopback.example:{port}/",
    "without a scheme": "//127.0.0.1:{port}/",
    "to metadata": "http://169.254.169.254/latest/meta-data/",
    "to a file": "file:///etc/passwd",
    "to gopher": "gopher://127.0.0.1:{port}/",
    "with credentials": "http://x:y@127.0.0.1:{port}/",
}


@pytest.mark.parametrize("status", [301, 307])
@pytest.mark.parametrize("name", REDIRECTS)
async def test_a_redirect_does_not_connect(net: Net, web: WebServer, canary: Canary, name: str, status: int) -> None:
    web.redirect("/start", REDIRECTS[name].format(port=canary.port), status)

    with pytest.raises(ToolInputError):
        await run_tool(net.api(), {"endpoint": "http://public.example/start"})

    assert net.recorder.dialled == [PUBLIC]  # the first, public one; the redirect's target never
    assert canary.connections == 0


async def test_a_chain_of_redirects_does_not_connect(net: Net, web: WebServer, canary: Canary) -> None:
    web.redirect("/1", "http://public.example/2")
    web.redirect("/2", "/3", 303)
    web.redirect("/3", f"http://0x7f.1:{canary.port}/", 308)

    with pytest.raises(ToolInputError, match="belongs to this machine"):
        await run_tool(net.api(), {"endpoint": "http://public.example/1"})

    assert canary.connections == 0


async def test_a_name_that_changes_its_mind_is_connected_where_it_was_checked(net: Net, canary: Canary) -> None:
    """DNS rebinding: the first answer is public, the second, for whoever asks again, is loopback."""
    answer = await run_tool(net.api(), {"endpoint": f"http://rebinding.example:{canary.port}/"})

    assert answer["status_code"] == 200
    assert net.asked == ["rebinding.example"]  # asked once: there is no second answer to fall for
    assert net.recorder.dialled == [PUBLIC]
    assert canary.connections == 0


async def test_a_name_that_has_changed_its_mind_by_the_next_hop_is_refused(
    net: Net, web: WebServer, canary: Canary
) -> None:
    web.redirect("/start", f"http://rebinding.example:{canary.port}/")

    with pytest.raises(ToolInputError, match=r"leads to 127\.0\.0\.1"):
        await run_tool(net.api(), {"endpoint": "http://rebinding.example/start"})

    assert net.recorder.dialled == [PUBLIC]
    assert canary.connections == 0


async def test_a_name_is_asked_again_for_every_call(net: Net, canary: Canary) -> None:
    tool = net.api()
    await run_tool(tool, {"endpoint": f"http://rebinding.example:{canary.port}/"})

    with pytest.raises(ToolInputError, match=r"leads to 127\.0\.0\.1"):
        await run_tool(tool, {"endpoint": f"http://rebinding.example:{canary.port}/"})

    assert canary.connections == 0


PERMITTED: dict[str, Callable[[int], dict[str, Any]]] = {
    "everything private": lambda port: {"allow_private": True},
    "the host": lambda port: {"allowed_hosts": ["localhost"]},
    "host and port": lambda port: {"allowed_hosts": [f"localhost:{port}"]},
    "the networks": lambda port: {"allowed_hosts": ["127.0.0.0/8", "::1"]},
}


@pytest.mark.parametrize("name", PERMITTED)
async def test_the_canary_sings_where_it_is_allowed(canary: Canary, name: str) -> None:
    """The attempts above fail for a reason: allowed, the same request connects."""
    answer = await run_tool(
        APIRequestTool(**PERMITTED[name](canary.port)), {"endpoint": f"http://localhost:{canary.port}/"}
    )

    assert answer["body"] == "caught"
    assert canary.connections == 1


async def test_the_workers_settings_allow_hosts_too(canary: Canary) -> None:
    arguments = {"endpoint": f"http://127.0.0.1:{canary.port}/"}

    await run_tool(APIRequestTool(), arguments, grants=ToolGrants(allowed_hosts=(f"127.0.0.1:{canary.port}",)))
    with pytest.raises(ToolInputError, match="allowed_hosts"):
        await run_tool(APIRequestTool(), arguments, grants=ToolGrants(allowed_hosts=("127.0.0.1:1",)))

    assert canary.connections == 1


async def test_permission_for_one_port_is_none_for_another(net: Net, web: WebServer, canary: Canary) -> None:
    tool = APIRequestTool(base_url=web.url, allowed_hosts=[web.host])
    web.redirect("/start", f"http://127.0.0.1:{canary.port}/")

    with pytest.raises(ToolInputError, match="belongs to this machine"):
        await run_tool(tool, {"endpoint": "/start"})

    assert canary.connections == 0


async def test_only_hosts_holds_after_a_redirect(net: Net, web: WebServer) -> None:
    web.redirect("/start", "http://public.example/")
    tool = net.api(only_hosts=["first.example"], allow_private=True)

    with pytest.raises(ToolInputError, match=r"'public\.example' .* is not among only_hosts"):
        await run_tool(tool, {"endpoint": "http://first.example/start"})

    assert len(net.recorder.dialled) == 1


async def test_proxies_of_the_environment_are_not_used(
    canary: Canary, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")

    answer = await run_tool(APIRequestTool(allowed_hosts=[web.host]), {"endpoint": f"{web.url}/x"})

    assert answer["status_code"] == 200
    assert canary.connections == 0


async def test_a_unix_socket_is_never_opened() -> None:
    with pytest.raises(ToolInputError, match="belongs to this machine"):
        await GuardedBackend(NetworkPolicy()).connect_unix_socket("/var/run/docker.sock")


async def test_an_address_that_does_not_answer_gives_way_to_the_next(net: Net, web: WebServer) -> None:
    class FirstIsDown(Recorder):
        async def connect_tcp(self, host: str, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
            if not self.dialled:
                self.dialled.append(host)
                raise httpcore.ConnectError("down")
            return await super().connect_tcp(host, *args, **options)

    recorder = FirstIsDown(web)
    backend = GuardedBackend(NetworkPolicy(), _two_addresses, recorder)
    stream = await backend.connect_tcp("public.example", 80)
    await stream.aclose()

    assert recorder.dialled == [PUBLIC, "1.1.1.1"]


async def _two_addresses(host: str, port: int) -> list[str]:
    return [PUBLIC, "1.1.1.1"]


async def test_a_name_that_does_not_exist_can_be_retried(net: Net) -> None:
    async def nothing(host: str, port: int) -> list[str]:
        return []

    tool = APIRequestTool()
    tool.backend = lambda policy: GuardedBackend(policy, nothing)  # type: ignore[method-assign]
    with pytest.raises(ToolError, match="has no address") as caught:
        await asyncio.wait_for(run_tool(tool, {"endpoint": "http://nowhere.example/"}), 10)

    assert not isinstance(caught.value, ValueError)


def test_there_are_at_least_twenty_five_attempts() -> None:
    assert len(DIRECT) + 2 * len(REDIRECTS) + 4 >= 25
