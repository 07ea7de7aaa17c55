"""JSON of the shim: what goes through comes back, in the form of Celery's own."""

from __future__ import annotations

import enum
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.json import dumps, loads
from pydantic_core import from_json, to_json

from gnosari_temporal.celery.message_count import advanced
from gnosari_temporal.celery.values import decode, encode
from gnosari_temporal.errors import InvalidMessage

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.binary(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.times(),
    st.uuids(),
    st.decimals(allow_nan=False),
)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert decode(from_json(to_json(encode(value)))) == value


@given(values)
def test_the_form_is_that_of_celery(value: Any) -> None:
    assert loads(dumps(encode(value))) == value


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_number_comes_back(value: float) -> None:
    assert decode(from_json(to_json(encode(value)))) == value
    assert math.isnan(decode(encode(math.nan)))


def test_enums_of_texts_and_numbers_are_their_values_and_keys_are_texts() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    class Number(enum.IntEnum):
        ONE = 1

    assert encode({1: Colour.RED, None: Number.ONE, False: (1, 2)}) == {"1": "red", "null": 1, "false": [1, 2]}
    assert encode([datetime(2026, 1, 2), date(2026, 1, 2), time(1, 2), Decimal("1.0"), UUID(int=1)])[1] == {
        "__type__": "date",
        "__value__": "2026-01-02",
    }


@pytest.mark.parametrize("value", [{1, 2}, object(), {(1, 2): 3}, [{"a": [object()]}]])
def test_what_json_cannot_hold_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(InvalidMessage, match=r"the result.*JSON cannot hold.*model_dump"):
        encode(value, "the result")


def test_data_that_only_looks_like_ours_stays_as_it_is() -> None:
    for value in ({"__type__": "other", "__value__": 1}, {"__type__": ["a"], "__value__": 1}, {"__type__": "date"}):
        assert decode(value) == value


def test_the_count_of_a_serialized_message_advances_and_nothing_else() -> None:
    message = {"message_id": "a", "created_at": "t", "priority": 5, "retry_count": 1, "max_retries": 3, "x": 1}

    assert advanced([message, 7], {"m": message}) == {
        "args": [{**message, "retry_count": 2}, 7],
        "kwargs": {"m": {**message, "retry_count": 2}},
    }
    assert advanced([{"retry_count": 1, "max_retries": 3}], {}) is None
