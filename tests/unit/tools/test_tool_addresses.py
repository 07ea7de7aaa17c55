"""Which addresses belong to whom, and the patterns that allow hosts."""

from ipaddress import ip_address

import pytest

from gnosari_temporal.errors import ToolDefinitionError, ToolInputError
from gnosari_temporal.tools.network.addresses import own_addresses, parse_address, refusal
from gnosari_temporal.tools.network.policy import HostPattern, NetworkPolicy

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.255.255.254",
        "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
        "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::2", "::127.0.0.1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1",
        "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "2606:4700::5efe:127.0.0.1",
    ],
)  # fmt: skip
def test_an_address_of_this_machine_or_a_private_network_is_known_as_such(address: str) -> None:
    assert refusal(ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", PUBLIC, "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "169.253.1.1",
     "192.0.1.1", "198.17.1.1", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888",
     "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"],
)  # fmt: skip
def test_a_public_address_is_nobodys(address: str) -> None:
    assert refusal(ip_address(address)) is None


@pytest.mark.parametrize(
    "spelling",
    ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "017700000001",
     "127.0.0.1.", "0x7f.1"],
)  # fmt: skip
def test_every_spelling_of_an_address_is_read_as_the_system_reads_it(spelling: str) -> None:
    assert parse_address(spelling) == ip_address("127.0.0.1")


@pytest.mark.parametrize("name", ["localhost", "example.com", "", "1.2.3.4.5", "127.0.0.1 x ", "café", "0x"])
def test_a_name_is_no_address(name: str) -> None:
    assert parse_address(name) is None


def test_the_machine_knows_its_own_addresses() -> None:
    assert ip_address("127.0.0.1") in own_addresses()


def test_an_own_address_is_refused_although_it_is_public() -> None:
    policy = NetworkPolicy(own=lambda: frozenset({ip_address(PUBLIC)}))

    for spelled in (PUBLIC, f"::ffff:{PUBLIC}"):
        with pytest.raises(ToolInputError, match="belongs to this machine"):
            policy.check_address("example.com", 80, ip_address(spelled))
    policy.check_address("example.com", 80, ip_address("93.184.216.35"))


@pytest.mark.parametrize(
    ("pattern", "host", "port", "address", "matches"),
    [
        ("localhost", "localhost", 80, "127.0.0.1", True),
        ("localhost", "LOCALHOST.", 80, "127.0.0.1", True),
        ("localhost:8080", "localhost", 8080, "127.0.0.1", True),
        ("localhost:8080", "localhost", 80, "127.0.0.1", False),
        ("localhost", "127.0.0.1", 80, "127.0.0.1", False),
        ("127.0.0.1", "localhost", 80, "127.0.0.1", True),
        ("127.0.0.1:9", "localhost", 80, "127.0.0.1", False),
        ("127.0.0.1", "x", 80, "::ffff:127.0.0.1", True),
        ("10.1.0.0/16", "db.corp", 80, "10.1.2.3", True),
        ("10.1.0.0/16", "db.corp", 80, "10.2.2.3", False),
        ("*.corp", "db.corp", 80, "10.2.2.3", True),
        ("*.corp", "corp", 80, "10.2.2.3", False),
        ("*.corp", "evilcorp", 80, "10.2.2.3", False),
        ("[::1]:80", "::1", 80, "::1", True),
        ("::1", "::1", 443, "::1", True),
        ("fd00::/8", "x", 443, "fd12::1", True),
        ("bücher.example", "xn--bcher-kva.example", 80, PUBLIC, True),
    ],
)
def test_a_pattern_means_a_host_a_domain_an_address_or_a_network(
    pattern: str, host: str, port: int, address: str, matches: bool
) -> None:
    assert HostPattern.parse(pattern).matches(host, port, ip_address(address)) is matches


@pytest.mark.parametrize("text", ["", "http://x", "a b", "*", "*.", "x:99999", "x:", "a@b", "10.0.0.0/99"])
def test_what_is_no_host_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ToolDefinitionError):
        HostPattern.parse(text)


def test_a_refusal_says_how_to_allow_the_host() -> None:
    with pytest.raises(ToolInputError) as caught:
        NetworkPolicy().check_address("db.corp", 5432, ip_address("10.0.0.7"))

    message = str(caught.value)
    assert "'db.corp' leads to 10.0.0.7, which belongs to a private network" in message
    assert 'allowed_hosts: ["db.corp:5432"]' in message
    assert "gnosari.toml" in message


def test_only_hosts_closes_everything_else() -> None:
    policy = NetworkPolicy.of(only_hosts=["api.example.com", "*.trusted.org:443"])

    policy.check_host("api.example.com", 80)
    policy.check_host("a.trusted.org", 443)
    for host, port in (("example.com", 80), ("a.trusted.org", 80), ("api.example.com.evil.org", 80)):
        with pytest.raises(ToolInputError, match="not among only_hosts"):
            policy.check_host(host, port)
