"""Constructs around the code: command lines, environment variables, requirements, files that cannot be read."""

from __future__ import annotations

from .rule import Rule, as_is, changed_import, does_not_run

_NO_BROKER = "There is no broker and no remote control."

DEPLOYMENT: tuple[Rule, ...] = (
    does_not_run(
        "command.worker",
        "`celery -A proj worker …` in a Dockerfile, Compose or Kubernetes file, Procfile, Makefile, unit, script",
        "The worker is the `gnosari` command.",
        "`gnosari worker --module proj.celery --queue a,b --concurrency 4`; pool and prefetch options fall away.",
        "command:worker",
        "command:multi",
    ),
    does_not_run(
        "command.beat",
        "`celery -A proj beat …`, `celery worker -B`",
        "There is no beat: schedules live on the server and need no process.",
        "`gnosari schedule create` for each entry; remove the process.",
        "command:beat",
    ),
    does_not_run(
        "command.flower",
        "`celery flower`, `flower`",
        "There are no events for it to read.",
        "The Temporal Web UI (`gnosari flower` says where it is).",
        "command:flower",
        "command:events",
    ),
    does_not_run(
        "command.inspect",
        "`celery inspect …`, `celery status`, `celery list`, `celery report`",
        _NO_BROKER,
        "`gnosari worker status`, `gnosari queue list`, `gnosari doctor`.",
        "command:inspect",
        "command:status",
        "command:list",
        "command:report",
    ),
    does_not_run(
        "command.control",
        "`celery control …`, `celery purge`, `celery amqp`, `celery migrate`",
        _NO_BROKER,
        "`gnosari job cancel ID`; a worker's options are given when it starts.",
        "command:control",
        "command:purge",
        "command:amqp",
        "command:migrate",
    ),
    does_not_run(
        "command.call",
        "`celery call NAME`, `celery result ID`",
        "Calls are sent to the Temporal server.",
        "`gnosari send NAME JSON --wait`, `gnosari job result ID`.",
        "command:call",
        "command:result",
    ),
    does_not_run(
        "command.other",
        "any other `celery` command (`shell`, `graph`, `logtool`, `upgrade`)",
        "It belongs to Celery's own worker.",
        "Do without it.",
        "command:*",
    ),
    as_is(
        "env.honoured",
        "`CELERY_WORKER_CONCURRENCY`, `CELERY_WORKER_QUEUE`, `CELERY_WORKER_LOGLEVEL`, `CELERY_TASK_TIME_LIMIT`, "
        "`CELERY_TASK_SOFT_TIME_LIMIT`, `CELERY_WORKER_MAX_TASKS_PER_CHILD` in the environment",
        "Read by `gnosari worker` where its own option or `GNOSARI_…` variable is not set.",
    ),
    as_is(
        "env.connection",
        "`CELERY_BROKER_URL`, `CELERY_RESULT_BACKEND` in the environment",
        "Without effect: the connection comes from Temporal's configuration.",
        remedy="Set `TEMPORAL_ADDRESS` (and `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY` or TLS).",
    ),
    as_is(
        "env.unused",
        "any other `CELERY_…` or `FLOWER_…` variable in the environment",
        "Without effect; `gnosari doctor` lists the ones that are set.",
    ),
    changed_import(
        "requirement.celery",
        "`celery`, `celery[redis]` among the requirements",
        "Replaced by this package.",
        "`gnosari-temporal`; `celery` may stay while both run side by side.",
        "requirement:celery",
    ),
    as_is(
        "requirement.unneeded",
        "`redis`, `kombu`, `amqp`, `vine`, `billiard`, `librabbitmq`, `flower`, `celery-types` among the requirements, "
        "beside Celery",
        "Not needed for the queue any more; it stays if other code uses it.",
        "requirement:redis",
        "requirement:kombu",
        "requirement:amqp",
        "requirement:vine",
        "requirement:billiard",
        "requirement:librabbitmq",
        "requirement:flower",
        "requirement:celery-types",
    ),
    does_not_run(
        "requirement.extension",
        "`django-celery-beat`, `django-celery-results`, `celery-redbeat`, `celery-once`, `celery-singleton`, "
        "`celery-batches`, `celery-progress`, `pytest-celery`, … among the requirements",
        "Extensions of Celery hook into its worker, beat or result backend.",
        "See the package's line in `docs/migrating-from-celery.md`.",
        "requirement:django-celery*",
        "requirement:django-db-beat*",
        "requirement:celery-*",
        "requirement:pytest-celery",
        "requirement:tenant-schemas-celery",
        "requirement:opentelemetry-instrumentation-celery",
    ),
    does_not_run(
        "file.syntax",
        "a Python file that does not parse (Python 2, a newer Python than the one that runs `gnosari`, a template)",
        "Nothing in it was looked at.",
        "Make it parse, run `gnosari migrate` with the project's own Python, or leave it out with `--exclude`.",
    ),
    does_not_run(
        "file.unreadable",
        "a file that cannot be read (permissions; Python that is no text or larger than 2 MB)",
        "Nothing in it was looked at.",
        "Make it readable, or leave it out with `--exclude`.",
    ),
)
