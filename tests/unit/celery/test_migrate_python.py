"""The analysis of Python code: aliases, imports across modules, factories, and what only looks like Celery."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from gnosari_temporal.celery.migrate import Finding, Verdict, analyse


def analysed(folder: Path, **files: str) -> list[Finding]:
    """The findings in modules that are given as ``package__module="source"``."""
    for name, source in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source))
    return list(analyse(folder).findings)


def places(findings: list[Finding], construct: str) -> list[tuple[str, int]]:
    return [(finding.path, finding.line) for finding in findings if finding.construct == construct]


def remedies(findings: list[Finding]) -> list[str]:
    return [finding.remedy for finding in findings if finding.verdict is Verdict.CHANGED_IMPORT]


@pytest.mark.parametrize(
    ("statement", "remedy"),
    [
        ("import celery", "`import gnosari_temporal.celery as celery`"),
        ("import celery as c", "`import gnosari_temporal.celery as c`"),
        ("import celery.result", "`import gnosari_temporal.celery as celery, gnosari_temporal.celery.result`"),
        ("from celery import Celery as App", "`from gnosari_temporal.celery import Celery as App`"),
        ("from celery.app.base import Celery", "`from gnosari_temporal.celery import Celery`"),
        ("from celery.app.task import Task", "`from gnosari_temporal.celery import Task`"),
        ("from celery.canvas import group", "`from gnosari_temporal.celery import group`"),
        ("from celery.exceptions import Retry", "`from gnosari_temporal.celery.exceptions import Retry`"),
        ("from celery.states import SUCCESS", "`from gnosari_temporal.celery.states import SUCCESS`"),
        ("from celery import states", "`from gnosari_temporal.celery import states`"),
        ("from celery.utils.log import get_task_logger as g", None),
        ("from celery import subtask", "`from gnosari_temporal.celery import signature as subtask`"),
        ("from celery import *", "`from gnosari_temporal.celery import *`"),
        ("from gnosari.queue.app import celery_app", "`from gnosari_temporal.celery.app import celery_app`"),
        ("from ..base import BaseMessage", "`from gnosari_temporal.celery.base import BaseMessage`"),
    ],
)
def test_the_import_to_write_instead_is_shown(statement: str, remedy: str | None, tmp_path: Path) -> None:
    expected = remedy or "`from gnosari_temporal.celery.utils.log import get_task_logger as g`"

    assert remedies(analysed(tmp_path, a__b__tasks=statement)) == [expected]


def test_an_alias_of_the_package_is_followed(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        import celery as c

        app = c.Celery("x")
        crontab = c.schedules.crontab(minute="*/5", hour=3)
        """,
    )

    assert places(findings, "app.create") == [("module.py", 4)]
    assert places(findings, "beat.crontab") == [("module.py", 5)]
    assert [f.remedy for f in findings if f.construct == "beat.crontab"] == [
        "`gnosari schedule create` with the cron expression `*/5 3 * * *`."
    ]


def test_tasks_are_followed_into_other_modules_under_other_names(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        src__proj____init__="",
        src__proj__celery="from celery import Celery\napp = Celery()\n",
        src__proj__tasks="from proj.celery import app as queue\n\n@queue.task\ndef add(x, y): ...\n\nplus = add\n",
        src__proj__api="from proj import tasks as t\nfrom .tasks import plus as p\n\nt.add.delay(1)\np.delay(1)\n",
        src__proj__star="from .tasks import *\n\nadd.delay(1, 2)\n",
    )

    assert places(findings, "call.delay") == [("src/proj/api.py", 4), ("src/proj/api.py", 5), ("src/proj/star.py", 3)]


def test_an_app_from_a_factory_is_followed(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        factory="""
        from celery import Celery

        def make(name) -> "Celery":
            made = Celery(name)
            made.conf.update({"task_serializer": "pickle"})
            return made
        """,
        tasks="""
        from factory import make

        app = make("x")

        @app.task(rate_limit="1/s")
        def f(): ...

        f.delay()
        """,
    )

    assert places(findings, "serializer.pickle") == [("factory.py", 6)]
    assert places(findings, "task.option.rate_limit") == [("tasks.py", 6)]
    assert places(findings, "call.delay") == [("tasks.py", 9)]


def test_an_app_kept_on_an_object_or_given_as_a_parameter_is_followed(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from celery import Celery
        from celery.result import AsyncResult

        class Runner:
            def __init__(self):
                self.queue = Celery()

            def go(self):
                self.queue.send_task("x")

        def look(queue: Celery, results: list[AsyncResult]):
            queue.send_task("y")
            for result in results:
                result.forget()
        """,
    )

    assert places(findings, "app.send_task") == [("module.py", 10), ("module.py", 13)]
    assert places(findings, "result.forget") == [("module.py", 15)]


def test_a_decorator_of_the_code_bases_own_makes_tasks_too(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from functools import partial
        from celery import shared_task

        job = partial(shared_task, bind=True, acks_late=True)

        def named(**options):
            return shared_task(queue="slow", **options)

        @job(max_retries=2)
        def one(self):
            raise self.retry()

        @named(priority=3)
        def two(): ...

        one.delay()
        two.delay()
        """,
    )

    assert places(findings, "task.option.acks_late") == [("module.py", 5)]
    assert places(findings, "task.option.max_retries") == [("module.py", 10)]
    assert places(findings, "retry.call") == [("module.py", 12)]
    assert places(findings, "call.delay") == [("module.py", 17), ("module.py", 18)]


def test_tasks_written_as_classes_and_their_objects_are_followed(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from celery import Celery, Task

        class Base(Task):
            def helper(self):
                return self.request.hostname

        class Add(Base):
            name = "add"
            serializer = "pickle"

            async def run(self, x):
                self.helper()
                return self.request.id

        app = Celery()
        add = app.register_task(Add())
        add.delay(1)
        """,
    )

    assert places(findings, "task.class") == [("module.py", 4), ("module.py", 8)]
    assert places(findings, "serializer.pickle") == [("module.py", 10)]
    assert places(findings, "task.async-body") == [("module.py", 12)]
    assert places(findings, "request.attribute") == [("module.py", 14)]
    assert places(findings, "call.delay") == [("module.py", 18)]


def test_a_derived_app_keeps_its_own_methods(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from celery import Celery

        class Mine(Celery):
            def init_app(self, flask): ...

        app = Mine("x")
        app.init_app(None)
        app.flask = None
        app.flask.run()
        app.undefined()
        """,
    )

    assert places(findings, "app.create") == [("module.py", 7)]
    assert places(findings, "app.other") == [("module.py", 11)]


def test_settings_are_found_wherever_they_are_given(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        celeryconfig="broker_url = 'redis://'\nnothing = 1\n",
        config="""
        class Base:
            CELERY_TASK_ANNOTATIONS = {"*": {"rate_limit": "1/s"}}

        class Config(Base):
            worker_consumer = "mine:Consumer"
        """,
        module="""
        from celery import Celery
        import config

        app = Celery("x", config_source="celeryconfig")
        app.config_from_object(config.Config, namespace="CELERY")
        app.config_from_object({"security_key": "/key"})
        app.conf["beat_scheduler"] = "mine"
        flask.config.update(CELERY_TASK_ROUTES={}, CELERY={"task_annotations": {"*": {}}})
        flask.config["CELERY_RESULT_BACKEND"] = "redis://"
        flask.config.update({"CELERY_RESULT_EXPIRES": 3})
        OPTIONS = dict(task_serializer="yaml")
        app.conf.update(OPTIONS)
        """,
    )

    assert places(findings, "setting.broker") == [("celeryconfig.py", 1)]
    assert places(findings, "setting.task_annotations") == [("config.py", 3), ("module.py", 9)]
    assert places(findings, "setting.worker_component") == [("config.py", 6)]
    assert places(findings, "setting.security") == [("module.py", 7)]
    assert places(findings, "setting.beat_scheduler") == [("module.py", 8)]
    assert places(findings, "setting.task_routes") == [("module.py", 9)]
    assert places(findings, "setting.result_backend") == [("module.py", 10)]
    assert places(findings, "setting.result_expires") == [("module.py", 11)]
    assert places(findings, "serializer.other") == [("module.py", 12)]


def test_refused_settings_that_say_nothing_are_no_findings(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from celery import Celery

        app = Celery()
        app.conf.beat_schedule = {}
        app.conf.task_annotations = None
        app.conf.task_default_exchange_type = "direct"

        @app.task(rate_limit=None)
        def f(): ...
        """,
    )

    assert [finding.construct for finding in findings if finding.verdict is Verdict.DOES_NOT_RUN] == []


@pytest.mark.parametrize(
    ("style", "refused"), [("", {0, 11}), ('app.conf.gnosari_priority_style = "celery"', {10, 11})]
)
def test_priorities_outside_the_styles_range_do_not_run(style: str, refused: set[int], tmp_path: Path) -> None:
    lines = ["from celery import Celery", "app = Celery()", style, "task = app.signature('x')"]
    priorities = (0, 1, 9, 10, 11)
    lines += [f"task.apply_async(priority={priority})" for priority in priorities]

    found = places(analysed(tmp_path, module="\n".join(lines)), "priority.out-of-range")

    assert {priorities[line - 5] for _, line in found} == refused


def test_a_result_waited_for_in_a_task_is_told_apart(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from celery import shared_task

        @shared_task
        def inner(): ...

        @shared_task
        def outer():
            inner.delay().get(disable_sync_subtasks=False)
            return inner.delay().get()

        inner.delay().get()
        """,
    )

    assert places(findings, "result.get-in-task") == [("module.py", 10)]
    assert places(findings, "result.get") == [("module.py", 9), ("module.py", 10), ("module.py", 12)]


def test_calls_of_unknown_objects_are_told_only_where_celery_is(tmp_path: Path) -> None:
    source = "def send(task):\n    task.delay(1)\n"

    findings = analysed(tmp_path, plain=source, queue=f"from celery import current_app\n\n{source}")

    assert places(findings, "call.unresolved") == [("queue.py", 4)]
    assert places(findings, "call.delay") == []


def test_pools_of_multiprocessing_are_no_tasks(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from multiprocessing import Pool
        import celery

        pool = Pool()
        pool.apply_async(print)
        with Pool() as other:
            other.apply_async(print)
        """,
    )

    assert [finding.construct for finding in findings] == ["import.module"]


def test_code_that_was_migrated_has_no_import_to_change_and_is_still_looked_at(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        module="""
        from gnosari_temporal.celery import Celery, group
        from gnosari_temporal.celery.consumers import ConsumerTask
        from gnosari_temporal.celery.app import celery_app

        app = Celery()
        app.control.purge()
        celery_app.send_task("x")
        group([]).delay()
        """,
    )

    assert remedies(findings) == []
    assert places(findings, "control.purge") == [("module.py", 7)]
    assert places(findings, "app.send_task") == [("module.py", 8)]
    assert places(findings, "call.delay") == [("module.py", 9)]


def test_modules_that_import_each_other_are_no_trouble(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        a="from b import x\nfrom b import task\ntask.delay()\n",
        b="from a import x\nfrom celery import shared_task\n\n@shared_task\ndef task(): ...\n",
    )

    assert places(findings, "call.delay") == [("a.py", 3)]


def test_deep_expressions_are_no_trouble(tmp_path: Path) -> None:
    sum_of_many = " + ".join(["x"] * 900)
    pipe = " | ".join(["add.s()"] * 400)
    source = f"from celery import shared_task\n\n@shared_task\ndef add(): ...\n\nx = 1\ny = {sum_of_many}\nz = {pipe}\n"

    findings = analysed(tmp_path, module=source)

    assert len(places(findings, "call.signature")) == 400


def test_columns_count_characters_not_bytes(tmp_path: Path) -> None:
    findings = analysed(tmp_path, module="from celery import shared_task\nx = ('äöü', shared_task(print).delay())\n")

    assert [finding.column for finding in findings if finding.construct == "call.delay"] == [32]


def test_the_seeds_retry_is_told_with_its_difference(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        consumers__my_feature="""
        from ..app import celery_app

        @celery_app.task(bind=True)
        def process(self, message_data):
            message = load(message_data)
            message.retry_count += 1
            raise self.retry(countdown=2 ** message.retry_count, max_retries=message.max_retries)
        """,
    )

    assert places(findings, "retry.message-count") == [("consumers/my_feature.py", 8)]
    assert "2, 4, 8" in next(f.text for f in findings if f.construct == "retry.message-count")
