"""The app of the shim: configuration, tasks, routes, and what is refused."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest

from gnosari_temporal.celery import Celery, CeleryConfig, Task, celery_app, create_celery_app, current_app, shared_task
from gnosari_temporal.celery.exceptions import ImproperlyConfigured, NotRegistered, NotSupported
from gnosari_temporal.celery.routes import our_priority, queue_names, route_of
from gnosari_temporal.errors import InvalidMessage


@pytest.fixture
def app() -> Celery:
    return Celery("unit", set_as_current=False)


def test_the_configuration_is_read_by_new_and_by_old_names(app: Celery) -> None:
    app.config_from_object({"CELERY_ALWAYS_EAGER": True, "task_default_queue": "a", "MY_OWN": 1})

    assert (app.conf.task_always_eager, app.conf["CELERY_ALWAYS_EAGER"], app.conf.MY_OWN) == (True, True, 1)
    assert app.conf.task_default_queue == "a"
    assert app.conf.task_acks_late is None
    assert app.conf.get("nothing_of_the_kind", 7) == 7
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        app.conf.nothing_of_the_kind


def test_a_class_a_namespace_and_a_dotted_name_are_sources(app: Celery) -> None:
    class Settings:
        CELERY_TASK_DEFAULT_QUEUE = "django"
        DEBUG = True

    app.config_from_object(Settings, namespace="CELERY")
    other = Celery("other", set_as_current=False, config_source="gnosari_temporal.celery.config:CeleryConfig")

    assert app.conf.task_default_queue == "django"
    assert "DEBUG" not in app.conf.own
    assert other.conf.task_default_queue == celery_app.conf.task_default_queue == "gnosari_queue"
    with pytest.raises(ImproperlyConfigured, match=r"no\.such\.module"):
        Celery("x", set_as_current=False, config_source="no.such.module").conf.own


def test_a_configuration_of_gnosaris_is_derived_and_counts(app: Celery) -> None:
    class Own(CeleryConfig):
        task_routes = {"shop.*": {"queue": "shop"}}  # noqa: RUF012
        task_retry_delay = 60
        task_max_retries = 5

    own = create_celery_app("own", Own, set_as_current=False)

    @own.task
    def task() -> None: ...

    @own.task(max_retries=1, default_retry_delay=2)
    def declared() -> None: ...

    assert (task.max_retries, task.default_retry_delay) == (5, 60)
    assert (declared.max_retries, declared.default_retry_delay) == (1, 2)
    assert (app.Task.max_retries, app.Task.default_retry_delay) == (3, 180)
    assert route_of(own.conf, "shop.tasks.buy") == {"queue": "shop"}


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("task_serializer", "pickle", "ids instead of objects"),
        ("CELERY_ACCEPT_CONTENT", ["json", "pickle"], "'json'"),
        ("beat_schedule", {"a": {}}, "gnosari schedule create"),
        ("task_annotations", {"*": {"rate_limit": "1/s"}}, "Write the options on the tasks"),
        ("task_queue_max_priority", 10, "Turn the numbers round"),
    ],
)
def test_a_setting_that_would_change_its_meaning_is_refused(app: Celery, name: str, value: Any, remedy: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=remedy):
        app.conf[name] = value


def test_a_setting_without_effect_is_one_line(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="gnosari_temporal.celery"):
        app.conf.worker_lost_wait = 10
        app.conf.worker_lost_wait = 20

    assert [record.message for record in caplog.records] == [
        "setting worker_lost_wait: Accepted without effect: coroutines run on the worker's event loop, other tasks in "
        "threads; gnosari worker --grace says how long a worker waits at its end."
    ]


@pytest.mark.parametrize(
    ("options", "remedy"),
    [({"rate_limit": "1/s"}, "limit on the server"), ({"serializer": "pickle"}, "json"), ({"pydantic": True}, "body")],
)
def test_an_option_of_a_task_without_counterpart_is_refused(app: Celery, options: Any, remedy: str) -> None:
    with pytest.raises((NotSupported, ImproperlyConfigured), match=remedy):
        app.task(**options)(lambda: None)


def test_an_option_of_a_call_without_counterpart_is_refused_before_anything_is_sent(app: Celery) -> None:
    @app.task
    def task() -> None: ...

    for option in ({"routing_key": "a"}, {"chord": 1}, {"no_such_option": 1}):
        with pytest.raises(NotSupported, match=next(iter(option))):
            task.apply_async((), **option)


def test_attributes_that_are_not_there_say_what_to_do_instead(app: Celery) -> None:
    with pytest.raises(AttributeError, match="gnosari worker"):
        app.worker_main
    with pytest.raises(AttributeError, match="control"):
        app.control
    with pytest.raises(NotSupported, match="amqp"):
        Celery("x", amqp="a", set_as_current=False)
    assert not hasattr(app.Task(), "backend")


def test_tasks_have_names_options_and_attributes(app: Celery) -> None:
    @app.task
    def plain(x: int) -> int:
        """Doubles."""
        return 2 * x

    @app.task(bind=True, name="given", colour="red")
    def bound(self: Task, x: int) -> Any:
        return (self.name, x, self.colour)

    assert (plain.name, plain.__doc__, plain.__name__) == (f"{__name__}.plain", "Doubles.", "plain")
    assert (plain(2), bound(3)) == (4, ("given", 3, "red"))
    assert app.tasks["given"] is bound
    with pytest.raises(NotRegistered):
        app.tasks["no.such.task"]
    assert sorted(app.tasks.regular()) == sorted(["given", f"{__name__}.plain"])


def test_a_shared_task_is_one_of_every_app() -> None:
    @shared_task(name="shared.of.every.app", bind=True)
    def shared(self: Task) -> Any:
        return self.app.main

    first, second = Celery("first"), Celery("second")

    assert shared() == "second"
    assert first.tasks["shared.of.every.app"]() == "first"
    assert current_app == second


def test_the_queue_is_that_of_the_task_then_of_a_route_then_the_default(app: Celery) -> None:
    app.conf.task_routes = ({"a.*": "routed", "a.exact": {"queue": "exact", "priority": 2}},)
    tasks = {
        name: app.task(name=name, **more)(lambda: None)
        for name, more in {
            "a.task": {},
            "a.exact": {},
            "b.task": {},
            "a.own": {"queue": SimpleNamespace(name="own")},
        }.items()
    }

    assert {name: app.queue_of(task) for name, task in tasks.items()} == {
        "a.task": "routed",
        "a.exact": "exact",
        "b.task": "celery",
        "a.own": "own",
    }
    app.conf.task_queues = (SimpleNamespace(name="one"), "two")
    assert queue_names(app.conf) == ("one", "two")


def test_a_router_may_be_a_function_or_a_class(app: Celery) -> None:
    class Router:
        def route_for_task(self, task: str, args: Any = None, kwargs: Any = None) -> Any:
            return {"queue": "class"} if task == "a" else None

    def function(name: str, args: Any, kwargs: Any, options: Any, task: Any = None, **_: Any) -> Any:
        return {"queue": f"function-{options.get('x')}"}

    app.conf.task_routes = [Router(), function]

    assert route_of(app.conf, "a") == {"queue": "class"}
    assert route_of(app.conf, "b", options={"x": 1}) == {"queue": "function-1"}


def test_priorities_are_read_in_the_style_of_the_app(app: Celery) -> None:
    assert [our_priority(app.conf, value) for value in (1, 10, None)] == [1, 10, 5]
    with pytest.raises(InvalidMessage, match=r"priority 0 is not one of 1 to 10.*'celery'"):
        our_priority(app.conf, 0)
    app.conf.gnosari_priority_style = "celery"
    assert [our_priority(app.conf, value) for value in (0, 9, None)] == [1, 10, 5]
    app.conf.task_default_priority = 0
    assert our_priority(app.conf, None) == 1
    app.conf.gnosari_priority_style = "rabbit"
    with pytest.raises(ImproperlyConfigured, match="rabbit"):
        our_priority(app.conf, 1)


def test_the_zone_of_the_app_is_checked(app: Celery) -> None:
    assert app.timezone is UTC
    app.conf.timezone = "Europe/Nowhere"
    with pytest.raises(ImproperlyConfigured, match="Europe/Nowhere"):
        app.timezone


def in_a_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_our_exceptions_are_caught_as_those_of_celery_where_it_is_installed() -> None:
    code = """
import celery.exceptions as real
import gnosari_temporal.celery.exceptions as ours
same = [name for name in ours.__all__ if hasattr(real, name)]
print(len(same), [name for name in same if not issubclass(getattr(ours, name), getattr(real, name))])
print(str(ours.Retry("again", ValueError("x"), 3)), str(ours.Retry(None, ValueError("x"), 3)))
"""
    assert in_a_process(code).splitlines() == ["17 []", "again Retry in 3s: ValueError('x')"]


def test_the_shim_runs_without_celery() -> None:
    code = """
import sys
sys.modules["celery"] = None
from gnosari_temporal.celery import Celery
from gnosari_temporal.celery.exceptions import NotRegistered, TimeoutError
app = Celery("a")
@app.task
def add(x, y): return x + y
print(add.apply((1, 2)).get(), issubclass(NotRegistered, KeyError))
"""
    assert in_a_process(code) == "3 True"


def test_an_import_of_the_package_or_the_analyser_loads_no_app() -> None:
    code = """
import sys
import gnosari_temporal.celery.migrate
print([name for name in sys.modules if name.startswith("gnosari_temporal.celery.") and ".migrate" not in name])
print("temporalio.client" in sys.modules)
"""
    assert in_a_process(code).splitlines() == ["[]", "False"]
