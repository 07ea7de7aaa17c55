"""Constructs that have no counterpart: signals, beat, serializers other than JSON, Celery's test fixtures."""

from __future__ import annotations

from .rule import Rule, does_not_run

REFUSED: tuple[Rule, ...] = (
    does_not_run(
        "signal.task",
        "`task_prerun`, `task_postrun`, `task_success`, `task_failure`, `task_retry`, `task_revoked`, … `.connect`",
        "There are no signals.",
        "Hooks of a base class (`before_start`, `on_success`, `on_failure`, `on_retry`, `after_return`), given to the "
        "tasks with `base=` or to all with `task_cls=`.",
        "signal.task_*",
    ),
    does_not_run(
        "signal.worker",
        "`worker_process_init`, `worker_init`, `worker_ready`, `worker_shutdown`, `celeryd_init`, … `.connect`",
        "There are no signals, and tasks run in threads of one process.",
        "Open and close shared resources in the application's lifespan.",
        "signal.worker_*",
        "signal.celeryd_*",
        "signal.eventlet_*",
        "signal.heartbeat_sent",
    ),
    does_not_run(
        "signal.publish",
        "`before_task_publish`, `after_task_publish` `.connect`",
        "There are no signals.",
        "Override `apply_async` in a base class of your tasks.",
        "signal.before_task_publish",
        "signal.after_task_publish",
    ),
    does_not_run(
        "signal.logging",
        "`setup_logging`, `after_setup_logger`, `after_setup_task_logger` `.connect`",
        "There are no signals; the worker logs through the standard library.",
        "Configure `logging` where the worker imports your tasks; the level is `gnosari worker --loglevel`.",
        "signal.setup_logging",
        "signal.after_setup_*",
    ),
    does_not_run(
        "signal.other",
        "any other signal (`beat_init`, `user_preload_options`, `import_modules`, …)",
        "There are no signals.",
        "Do without it.",
        "signal.*",
    ),
    does_not_run(
        "beat.entry",
        "an entry of `beat_schedule`",
        "There is no beat: schedules live on the server.",
        "`gnosari schedule create` with the same task, cron expression or interval.",
    ),
    does_not_run(
        "beat.crontab",
        "`crontab(…)`, `schedule(…)`, `solar(…)`",
        "There is no beat: schedules live on the server.",
        "`gnosari schedule create` with the same cron expression or interval; `solar` has no counterpart.",
    ),
    does_not_run(
        "serializer.pickle",
        '`"pickle"` as a serializer or accepted content',
        "Refused: what is sent is JSON, readable by people and by other versions of the code.",
        "Send JSON: ids instead of objects, `model_dump(mode='json')` instead of instances.",
    ),
    does_not_run(
        "serializer.other",
        '`"yaml"`, `"msgpack"` or a serializer of your own',
        "Refused: what is sent is JSON. Dates, `UUID`, `Decimal` and bytes come back as they were.",
        'Use `"json"`.',
    ),
    does_not_run(
        "test.fixtures",
        "`celery_worker`, `celery_session_worker` fixtures, `@pytest.mark.celery`, `celery.contrib.pytest`",
        "They start Celery's own worker.",
        "`gnosari_temporal.testing`: a fixture with an embedded server and a worker; `task.apply()` needs no server.",
    ),
)
