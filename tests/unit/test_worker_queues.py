"""The queues that a worker serves."""

from __future__ import annotations

import pytest

from gnosari_temporal import Application, BaseConsumer, BaseMessage, Settings
from gnosari_temporal.errors import SettingsError
from gnosari_temporal.worker.worker import default_queues


class Work(BaseMessage):
    pass


class WorkConsumer(BaseConsumer):
    queue = "declared"

    async def process(self, message: Work) -> None: ...


def test_a_worker_serves_what_the_settings_name_else_all_that_the_application_and_the_routes_do() -> None:
    application = Application.build(consumers=[WorkConsumer])
    assert default_queues(Settings(routes={"Other": "routed"}, concurrency=3), application) == {
        "declared": 3,
        "gnosari_queue": 3,
        "routed": 3,
    }
    assert default_queues(Settings(queues=("a", "b=2"), concurrency=3), application) == {"a": 3, "b": 2}


def test_queues_that_a_variable_writes_wrongly_are_a_setting_s_error_that_names_it() -> None:
    settings = Settings.load(environ={"GNOSARI_QUEUES": "a=many"})
    with pytest.raises(SettingsError, match=r"setting queues \(from GNOSARI_QUEUES\): queue 'a=many': write NAME or"):
        default_queues(settings, Application.build())
