"""The table of dynamic configuration."""

from gnosari_temporal.messages import LOWEST_PRIORITY
from gnosari_temporal.server.binary import find_binary
from gnosari_temporal.server.tuning import IN_ORDER, TUNING, dynamic_config


def test_the_server_has_as_many_levels_as_a_message_has_priorities() -> None:
    assert dynamic_config()["matching.priorityLevels"] == LOWEST_PRIORITY


def test_every_key_is_one_that_the_server_knows() -> None:
    """The server ignores a key that it does not know, so a misspelt one would go unseen."""
    program = find_binary().read_bytes()
    assert [entry.key for entry in (*TUNING, IN_ORDER) if entry.key.encode() not in program] == []


def test_no_key_is_there_twice() -> None:
    assert len(dynamic_config()) == len(TUNING)


def test_strict_order_adds_its_key() -> None:
    assert dynamic_config(strict_order=True) == {**dynamic_config(), IN_ORDER.key: IN_ORDER.value}
