"""The server's limits, checked before the server has to."""

from __future__ import annotations

import pytest

from gnosari_temporal import BaseMessage
from gnosari_temporal.errors import DefinitionError, InvalidMessage, ResultTooLarge
from gnosari_temporal.execution.limits import check_message, check_progress


class Plain(BaseMessage):
    pass


def test_an_id_that_is_too_many_bytes_for_the_server_is_refused_with_their_number() -> None:
    check_message(Plain(message_id="a" * 400))
    with pytest.raises(InvalidMessage, match=r"the job id of Plain 水+… is 1,206 bytes, the limit is 1,000"):
        check_message(Plain(message_id="水" * 400))


def test_progress_is_plain_data_and_not_large() -> None:
    check_progress({"done": 3, "of": [1, 2]}, "WorkConsumer")
    with pytest.raises(ResultTooLarge, match=r"gave heartbeat\(\) 300,002 bytes"):
        check_progress("x" * 300_000, "WorkConsumer")
    with pytest.raises(DefinitionError, match="JSON cannot hold"):
        check_progress(object(), "WorkConsumer")
