"""What an embedded server can be asked to be."""

from datetime import timedelta

import pytest

from gnosari_temporal.errors import SettingsError
from gnosari_temporal.routing import SEARCH_ATTRIBUTES
from gnosari_temporal.server import ServerOptions


@pytest.mark.parametrize(
    ("options", "ui_port"),
    [
        (ServerOptions(), 8233),
        (ServerOptions(port=9000), 10000),
        (ServerOptions(port=9000, ui_port=9001), 9001),
        (ServerOptions(port=9000, ui_port=0), 0),
        (ServerOptions(port=0), 0),
        (ServerOptions(port=None), 0),
        (ServerOptions(port=65000), 0),
    ],
)
def test_the_web_ui_is_a_thousand_ports_up_or_on_a_free_one(options: ServerOptions, ui_port: int) -> None:
    assert options.wanted_ui_port == ui_port


def test_the_engines_search_attributes_are_keywords_by_default() -> None:
    assert ServerOptions().search_attributes == dict.fromkeys(SEARCH_ATTRIBUTES, "Keyword")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"ip": "my-laptop"}, "'my-laptop' is not an IP address"),
        ({"port": 70000}, "port 70000"),
        ({"ui_port": -1}, "UI port -1"),
        ({"port": 9000, "ui_port": 9000}, "both 9000.*--ui-port"),
        ({"log_level": "loud"}, "'loud' is not one of debug, info"),
        ({"namespace": ""}, "namespace is empty"),
        ({"retention": timedelta(minutes=1)}, "retention is 1m, the shortest is 1h"),
        ({"search_attributes": {"Colour": "Keywrod"}}, "Colour has type 'Keywrod'"),
    ],
)
def test_a_value_that_cannot_work_is_named_with_the_remedy(values: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        ServerOptions(**values)  # type: ignore[arg-type]
