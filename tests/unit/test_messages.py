"""Messages: what is accepted, refused, kept and told."""

from __future__ import annotations

import json
import logging
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, ConfigDict, Field, ValidationError, field_validator

from gnosari_temporal import BaseMessage
from gnosari_temporal.errors import InvalidMessage
from gnosari_temporal.execution.converter import data_converter
from gnosari_temporal.messages import content_digest, explain, parse_message

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydantic says that @validator and class Config are old; they are what is tested
    from pydantic import validator

    class OldStyle(BaseMessage):
        """As messages of the Celery version are written."""

        task_type: str
        parameters: dict[str, Any] = Field(default_factory=dict)

        class Config:
            str_strip_whitespace = True

        @validator("task_type")
        def validate_task_type(cls, v):  # noqa: N805
            if v not in ("process", "analyze"):
                raise ValueError("task_type must be process or analyze")
            return v

        @validator("parameters")
        def validate_parameters(cls, v, values):  # noqa: N805
            if values.get("task_type") == "process" and "input_data" not in v:
                raise ValueError("input_data required for process tasks")
            return v


class Report(BaseMessage):
    user_id: str
    pages: int = 1
    tags: list[str] = Field(default_factory=list)

    @classmethod
    def create(cls, user_id: str) -> Report:
        return cls(user_id=user_id)

    @field_validator("pages")
    @classmethod
    def some_pages(cls, value: int) -> int:
        if value < 1:
            raise ValueError("a report has pages")
        return value


def through_json(message: BaseMessage, into: type[BaseMessage] | None = None) -> Any:
    """The message as a worker reads it."""
    converter = data_converter.payload_converter
    return converter.from_payload(converter.to_payload(message), into or type(message))


def test_a_message_has_an_id_and_a_time_of_its_own() -> None:
    first, second = Report.create("u1"), Report.create("u1")
    assert first.message_id != second.message_id
    assert first.created_at.tzinfo is not None
    assert (first.priority, first.retry_count, first.max_retries) == (5, 0, 3)


def test_to_dict_is_plain_json_and_from_dict_reads_it_back() -> None:
    message = Report(user_id="u1", tags=["a"])
    data = message.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert Report.from_dict(data) == message


@pytest.mark.parametrize("written", ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T01:00:00+01:00"])
def test_a_time_is_read_with_z_with_an_offset_and_without_zone_as_utc(written: str) -> None:
    message = Report.from_dict({"user_id": "u1", "created_at": written})
    assert message.created_at == datetime(2024, 1, 1, tzinfo=UTC)


@given(
    st.builds(
        Report,
        user_id=st.text(),
        message_id=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=400).filter(
            str.isprintable
        ),
        pages=st.integers(1, 10**9),
        tags=st.lists(st.text()),
        priority=st.integers(1, 10),
        max_retries=st.integers(0, 10**6),
        created_at=st.datetimes(
            min_value=datetime(1970, 1, 2), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
        ),
    )
)
def test_any_message_survives_its_way_to_a_worker(message: Report) -> None:
    read = through_json(message)
    assert read == message
    assert content_digest(read) == content_digest(message)
    assert Report.from_dict(message.to_dict()) == message


@given(st.integers())
def test_a_priority_is_one_to_ten_and_assignment_is_validated(priority: int) -> None:
    message = Report(user_id="u1")
    if 1 <= priority <= 10:
        message.priority = priority
        assert message.priority == priority
    else:
        with pytest.raises(ValidationError, match="priority"):
            message.priority = priority
        assert message.priority == 5


def test_assignment_runs_the_validators() -> None:
    message = Report(user_id="u1")
    with pytest.raises(ValidationError, match="a report has pages"):
        message.pages = 0


def test_an_unknown_field_is_refused_with_the_closest_known_one() -> None:
    with pytest.raises(ValidationError, match="unknown field 'user_ids': did you mean 'user_id'"):
        Report(user_ids="u1")  # type: ignore[call-arg]


def test_an_unknown_field_that_is_close_to_none_is_refused_with_all_known_ones() -> None:
    with pytest.raises(ValidationError, match="unknown field 'zzz': known are created_at, max_retries"):
        Report(user_id="u1", zzz=1)  # type: ignore[call-arg]


def test_unknown_fields_are_refused_whatever_they_are_called() -> None:
    @given(st.text(min_size=1).filter(lambda name: name not in Report.model_fields))
    def check(name: str) -> None:
        with pytest.raises(ValidationError, match="unknown field"):
            Report.from_dict({"user_id": "u1", name: 1})

    check()


def test_a_worker_ignores_unknown_fields_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    class Newer(BaseMessage):
        user_id: str
        color: str = "red"

    Newer.__name__ = "Report"
    with caplog.at_level(logging.WARNING):
        read = through_json(Newer(user_id="u1"), Report)
    assert isinstance(read, Report)
    assert "Report: ignored unknown fields 'color'" in caplog.text


def test_a_message_that_a_worker_cannot_read_fails_the_job_in_words() -> None:
    class Other(BaseMessage):
        pages: str = "many"

    with pytest.raises(Exception, match="Report: user_id: is required; pages: Input should be a valid integer"):
        through_json(Other(), Report)


@pytest.mark.parametrize(("extra", "kept"), [("allow", True), ("ignore", False)])
def test_a_subclass_decides_about_unknown_fields_itself(extra: Any, kept: bool) -> None:
    class Open(BaseMessage):
        model_config = ConfigDict(extra=extra)

    message = Open(anything=1)  # type: ignore[call-arg]
    assert (message.model_extra == {"anything": 1}) is kept
    assert through_json(message).model_extra == message.model_extra


def test_a_subclass_that_forbids_unknown_fields_does_so_on_the_worker_too() -> None:
    class Loose(BaseMessage):
        model_config = ConfigDict(extra="allow")

    class Strict(BaseMessage):
        model_config = ConfigDict(extra="forbid")

    with pytest.raises(Exception, match="Extra inputs are not permitted"):
        through_json(Loose(anything=1), Strict)  # type: ignore[call-arg]


def test_aliases_are_known_fields() -> None:
    class Aliased(BaseMessage):
        model_config = ConfigDict(populate_by_name=True)
        user: str = Field(validation_alias=AliasChoices("user", "userId"))
        page: int = Field(default=1, alias="pageNumber")

    message = Aliased.from_dict({"userId": "u1", "pageNumber": 3})
    assert (message.user, message.page) == ("u1", 3)
    assert through_json(message) == message


def test_validators_and_config_of_pydantic_v1_work() -> None:
    assert OldStyle(task_type=" analyze ").task_type == "analyze"
    with pytest.raises(ValidationError, match="task_type must be process or analyze"):
        OldStyle(task_type="dance")
    with pytest.raises(ValidationError, match="input_data required for process tasks"):
        OldStyle(task_type="process", parameters={})
    assert OldStyle(task_type="process", parameters={"input_data": 1}).parameters == {"input_data": 1}


def test_subclasses_inherit_fields_validators_and_refusals() -> None:
    class Annual(Report):
        year: int

    assert Annual(user_id="u1", year=2024).pages == 1
    with pytest.raises(ValidationError, match="a report has pages"):
        Annual(user_id="u1", year=2024, pages=0)
    with pytest.raises(ValidationError, match="did you mean 'year'"):
        Annual(user_id="u1", yaer=2024)  # type: ignore[call-arg]


@pytest.mark.parametrize("message_id", ["", "a\nb", "x" * 401])
def test_an_id_is_short_and_printable(message_id: str) -> None:
    with pytest.raises(ValidationError, match="message_id"):
        Report(user_id="u1", message_id=message_id)


def test_every_wrong_field_is_named_in_one_line_with_its_value() -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse_message(Report, '{"pages": "many", "priority": 99}')
    text = str(caught.value)
    assert "\n" not in text
    assert "user_id: is required" in text
    assert "pages: Input should be a valid integer" in text
    assert "(got 'many')" in text
    assert "priority: Input should be less than or equal to 10 (got 99)" in text


def test_text_that_is_no_json_is_refused_in_words() -> None:
    with pytest.raises(InvalidMessage, match=r"Report: Invalid JSON.*"):
        parse_message(Report, "{nonsense")


def test_the_same_content_has_the_same_digest_whatever_its_envelope() -> None:
    one = Report(user_id="u1", message_id="m", priority=1)
    two = Report(user_id="u1", message_id="m", priority=9, max_retries=7, created_at=datetime(2020, 1, 1))
    other = Report(user_id="u2", message_id="m")
    assert content_digest(one) == content_digest(two) != content_digest(other)


def test_the_summary_is_short_and_in_words() -> None:
    summary = Report(user_id="u1", tags=["not shown"]).job_summary()
    assert summary == "user_id u1, pages 1"
    assert len(Report(user_id="long " * 100).job_summary()) <= 160


def test_an_explanation_of_the_model_itself_names_no_field() -> None:
    with pytest.raises(ValidationError) as caught:
        Report.from_dict({"user_id": "u1", "nope": 1})
    assert explain(Report, caught.value).startswith("Report: unknown field 'nope'")
