"""Celery's dotted names: which are the same thing, what calling or reading them gives, where they are here."""

from __future__ import annotations

OURS = "gnosari_temporal.celery"

_SAME = {
    "celery.app.Celery": "celery.Celery",
    "celery.app.base.Celery": "celery.Celery",
    "celery.app.shared_task": "celery.shared_task",
    "celery.app.task.Task": "celery.Task",
    "celery.app.task.BaseTask": "celery.Task",
    "celery._state.current_app": "celery.current_app",
    "celery._state.get_current_app": "celery.current_app",
    "celery._state.current_task": "celery.current_task",
    "celery._state.get_current_task": "celery.current_task",
    "celery.subtask": "celery.signature",
    "celery.maybe_subtask": "celery.maybe_signature",
    "celery.canvas.subtask": "celery.signature",
    "celery.utils.uuid": "celery.uuid",
    "celery.utils.gen_unique_id": "celery.uuid",
    "kombu.entity.Queue": "kombu.Queue",
    "kombu.entity.Exchange": "kombu.Exchange",
    "kombu.utils.uuid": "celery.uuid",
    "kombu.utils.uuid.uuid": "celery.uuid",
}
_CANVAS = ("Signature", "chain", "chord", "chunks", "group", "maybe_signature", "signature", "xmap", "xstarmap")
_SAME |= {f"celery.canvas.{name}": f"celery.{name}" for name in _CANVAS}
_SUBMODULES = ("celery.exceptions", "celery.result", "celery.states", "celery.utils.log")

CANVAS = frozenset(f"celery.{name}" for name in _CANVAS)
RESULTS = frozenset({"celery.result.AsyncResult", "celery.result.GroupResult", "celery.result.EagerResult"})
TASK_CLASSES = frozenset(
    {
        "celery.Task",
        "celery.task.Task",
        "celery.task.base.Task",
        "celery.task.PeriodicTask",
        "celery.contrib.abortable.AbortableTask",
        "celery.contrib.django.task.DjangoTask",
        f"{OURS}.ConsumerTask",
    }
)
TASK_DECORATORS = frozenset({"celery.shared_task", "celery.task.task", "celery.decorators.task"})
APP_FACTORIES = frozenset(
    {
        "celery.Celery",
        "celery.current_app",
        "celery.app.app_or_default",
        "celery.create_celery_app",
        "celery.app.create_celery_app",
        "gnosari.queue.app.create_celery_app",
    }
)
TASK_FACTORIES = TASK_CLASSES | {"celery.task_of", "celery.consumers.task_of"}
SIGNALS = "celery.signals."
_GNOSARI_APPS = frozenset({"celery.celery_app", "celery.app.celery_app", "gnosari.queue.app.celery_app"})


def canonical(name: str) -> str:
    """The name under which the table of constructs knows a dotted name.

    The same thing under several of Celery's paths has one name; our module's names are Celery's, so that code which
    has been migrated is still understood.
    """
    if is_ours(name):
        name = "celery" + name.removeprefix(OURS)
    return _SAME.get(name, name)


def is_app(name: str) -> bool:
    """Whether this canonical name is an app that exists already."""
    return name == "celery.current_app" or name in _GNOSARI_APPS


def is_ours(name: str) -> bool:
    """Whether a dotted name is our counterpart of Celery, or in it."""
    return name == OURS or name.startswith(f"{OURS}.")


def is_celery(name: str) -> bool:
    """Whether a dotted name belongs to Celery, kombu, or our counterpart."""
    return name.split(".")[0] in ("celery", "kombu") or name.startswith("gnosari.queue") or is_ours(name)


def new_import(name: str) -> tuple[str, str]:
    """Module and name to import here in place of a canonical name of Celery's, for names that exist here."""
    if name.startswith("gnosari.queue"):
        module, _, attribute = (OURS + name.removeprefix("gnosari.queue")).rpartition(".")
        return module, attribute
    for module in _SUBMODULES:
        if name.startswith(f"{module}."):
            return OURS + module.removeprefix("celery"), name.rsplit(".", 1)[1]
    parent, _, attribute = name.rpartition(".")
    return OURS + parent.removeprefix("celery"), attribute
