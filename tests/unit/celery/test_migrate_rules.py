"""Every rule of the table is found by something; the settings are Celery's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_migrate_codebase import expected

from gnosari_temporal.celery.migrate import RULES, Verdict, analyse
from gnosari_temporal.celery.migrate.rules import BY_ID, rule_for
from gnosari_temporal.celery.migrate.setting_names import new_name

APP = "from celery import Celery, Task, signature\napp = Celery()\n\n@app.task\ndef add(x): ...\n"

SNIPPETS: dict[str, str] = {
    "import.Task": "from celery import Task",
    "import.current": "from celery import current_app",
    "import.uuid": "from celery.utils import uuid",
    "import.states": "from celery import states",
    "import.beat": "from celery.beat import Scheduler",
    "import.events": "from celery.events import EventReceiver",
    "import.worker": "from celery import bootsteps",
    "import.backends": "from celery.backends.base import BaseBackend",
    "import.contrib": "from celery.contrib.testing.worker import start_worker",
    "import.security": "import celery.security",
    "import.removed": "from celery.task import periodic_task",
    "import.other": "from celery.utils.functional import first",
    "import.gnosari-queue": "from gnosari.queue.base import BaseMessage",
    "kombu.other": "from kombu.common import Broadcast",
    "app.option.config": "app = Celery(task_cls=Task)",
    "app.option.accepted": "app = Celery(set_as_current=False)",
    "app.option.component": "app = Celery(amqp='mine:AMQP')",
    "app.config_from_envvar": "app.config_from_envvar('CONFIG')",
    "app.signature": "app.signature('name')",
    "app.register_task": "class Mul(Task):\n    def run(self): ...\nmul = app.register_task(Mul())",
    "app.Task": "class Mul(app.Task): ...",
    "app.events": "app.events.State()",
    "app.other": "app.steps['worker'].add(1)",
    "task.option.serializer": "@app.task(serializer='json')\ndef f(): ...",
    "task.option.expires": "@app.task(expires=3)\ndef f(): ...",
    "task.option.throws": "@app.task(throws=(KeyError,))\ndef f(): ...",
    "task.option.accepted": "@app.task(track_started=True)\ndef f(): ...",
    "task.option.pydantic": "@app.task(pydantic=True)\ndef f(): ...",
    "task.option.routing": "@app.task(routing_key='a')\ndef f(): ...",
    "task.option.component": "@app.task(backend=mine)\ndef f(): ...",
    "task.option.dynamic": "@app.task(**make())\ndef f(): ...",
    "request.more": "@app.task(bind=True)\ndef f(self):\n    return self.request.is_eager",
    "task.other": "add.push_request(retries=1)",
    "apply_async.limits": "add.apply_async((1,), time_limit=3)",
    "apply_async.shadow": "add.apply_async((1,), shadow='other')",
    "apply_async.serializer": "add.apply_async((1,), serializer='json')",
    "apply_async.accepted": "add.apply_async((1,), compression='zlib')",
    "apply_async.other": "add.apply_async((1,), reply_to='a')",
    "apply_async.dynamic": "add.apply_async((1,), **make())",
    "canvas.chunks": "from celery import xmap\nxmap(add, [1])",
    "canvas.other": "add.s(1).unchain_tasks()",
    "result.then": "add.delay(1).then(print)",
    "signal.task": "from celery.signals import task_prerun\ntask_prerun.connect(print)",
    "signal.publish": "from celery import signals\nsignals.before_task_publish.connect(print)",
    "signal.other": "from celery.signals import beat_init\nbeat_init.connect(print)",
    "setting.task_default_priority": "app.conf.task_default_priority = 4",
    "setting.gnosari_priority_style": "app.conf.gnosari_priority_style = 'celery'",
    "setting.task_acks_late": "app.conf.task_acks_late = True",
    "setting.task_ignore_result": "app.conf.task_ignore_result = True",
    "setting.timezone": "app.conf.timezone = 'Europe/Madrid'",
    "setting.imports": "app.conf.imports = ('tasks',)",
    "setting.backend_options": "app.conf.redis_max_connections = 3",
    "setting.events": "app.conf.worker_send_task_events = True",
    "setting.control": "app.conf.control_queue_ttl = 3",
    "setting.task_inherit_parent_priority": "app.conf.task_inherit_parent_priority = True",
    "setting.worker_pool": "app.conf.worker_pool = 'gevent'",
    "setting.worker_logging": "app.conf.worker_log_format = ''",
    "setting.beat_process": "app.conf.beat_max_loop_interval = 3",
    "setting.task_annotations": "app.conf.task_annotations = {'*': {'rate_limit': '1/s'}}",
    "setting.task_default_exchange_type": "app.conf.task_default_exchange_type = 'topic'",
    "setting.task_queue_max_priority": "app.conf.task_queue_max_priority = 10",
    "setting.security": "app.conf.security_key = '/key'",
    "setting.worker_component": "app.conf.worker_consumer = 'mine:Consumer'",
    "command.other": "import subprocess\nsubprocess.run(['celery', '-A', 'proj', 'shell'])",
    "file.syntax": "print 'two'",
    "file.unreadable": "# -*- coding: no-such-encoding -*-",
}


@pytest.mark.parametrize("construct", SNIPPETS)
def test_a_snippet_shows_the_construct(construct: str, tmp_path: Path) -> None:
    bare = construct.startswith(("import.", "file."))
    (tmp_path / "module.py").write_text(SNIPPETS[construct] if bare else f"{APP}{SNIPPETS[construct]}\n")

    report = analyse(tmp_path)

    assert construct in {finding.construct for finding in report.findings}


def test_every_rule_is_shown_by_the_code_base_or_by_a_snippet() -> None:
    shown = {construct for _, _, construct in expected()} | SNIPPETS.keys()

    assert BY_ID.keys() - shown == set()
    assert shown - BY_ID.keys() == set()


def test_ids_are_unique_and_every_text_is_a_sentence() -> None:
    assert len(BY_ID) == len(RULES)
    assert [rule.id for rule in RULES if not rule.text.endswith((".", ")"))] == []


def test_no_key_belongs_to_two_rules() -> None:
    keys = [key for rule in RULES for key in rule.keys]

    assert sorted(keys) == sorted(set(keys))


def test_the_closest_rule_counts() -> None:
    assert rule_for("name:celery.exceptions.Reject") is BY_ID["import.exceptions.Reject"]
    assert rule_for("name:celery.exceptions.Retry") is BY_ID["import.exceptions"]
    assert rule_for("name:celery.whatever") is BY_ID["import.other"]
    assert rule_for("name:json") is None


def test_every_setting_of_celery_has_a_rule_by_its_new_and_by_its_old_name() -> None:
    defaults = pytest.importorskip("celery.app.defaults")

    assert [name for name in defaults._OPTIONS if rule_for(f"setting:{name}") is None] == []
    assert {old: new_name(old) for old in defaults._TO_NEW_KEY} == dict(defaults._TO_NEW_KEY)


def test_every_public_name_of_celery_is_offered() -> None:
    names = [
        "Celery",
        "Task",
        "shared_task",
        "signature",
        "maybe_signature",
        "chain",
        "chord",
        "chunks",
        "group",
        "xmap",
        "xstarmap",
    ]
    names += ["current_app", "current_task", "uuid"]

    verdicts = {name: rule_for(f"name:celery.{name}") for name in names}

    assert [name for name, rule in verdicts.items() if rule is None or rule.verdict is Verdict.DOES_NOT_RUN] == []
    assert set(names) <= set(dir(pytest.importorskip("celery")))


@pytest.mark.parametrize(
    ("name", "namespace", "new"),
    [
        ("task_always_eager", None, "task_always_eager"),
        ("CELERY_ALWAYS_EAGER", None, "task_always_eager"),
        ("CELERY_TASK_ALWAYS_EAGER", "CELERY", "task_always_eager"),
        ("SHOP_TASK_ROUTES", "SHOP", "task_routes"),
        ("BROKER_URL", None, "broker_url"),
        ("CELERYBEAT_SCHEDULE", None, "beat_schedule"),
        ("CELERYD_TASK_TIME_LIMIT", None, "task_time_limit"),
        ("SHOP_TASK_ROUTES", None, None),
        ("DEBUG", None, None),
    ],
)
def test_old_and_namespaced_names_of_settings_are_known(name: str, namespace: str | None, new: str | None) -> None:
    assert new_name(name, namespace) == new
