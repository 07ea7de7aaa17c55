"""Celery's settings have two generations of names; this module gives the new name of either."""

from __future__ import annotations

from .rules import rule_for

_RENAMED = {
    "CELERY_MAX_CACHED_RESULTS": "result_cache_max",
    "CELERY_TASK_RESULT_EXPIRES": "result_expires",
    "CELERY_RESULT_DBURI": "database_url",
    "CELERY_RESULT_ENGINE_OPTIONS": "database_engine_options",
    "CELERY_RESULT_DB_SHORT_LIVED_SESSIONS": "database_short_lived_sessions",
    "CELERY_RESULT_DB_TABLENAMES": "database_table_names",
    "CELERY_MESSAGE_COMPRESSION": "task_compression",
    "CELERY_EAGER_PROPAGATES_EXCEPTIONS": "task_eager_propagates",
    "CELERY_SEND_TASK_SENT_EVENT": "task_send_sent_event",
    "CELERYD_TASK_SOFT_TIME_LIMIT": "task_soft_time_limit",
    "CELERYD_TASK_TIME_LIMIT": "task_time_limit",
    "CELERYD_WORKER_LOST_WAIT": "worker_lost_wait",
    "CELERY_WORKER_DIRECT": "worker_direct",
    "CELERY_DISABLE_RATE_LIMITS": "worker_disable_rate_limits",
    "CELERY_ENABLE_REMOTE_CONTROL": "worker_enable_remote_control",
    "CELERY_REDIRECT_STDOUTS": "worker_redirect_stdouts",
    "CELERY_REDIRECT_STDOUTS_LEVEL": "worker_redirect_stdouts_level",
    "CELERY_SEND_EVENTS": "worker_send_task_events",
}
_OLD_PREFIXES = (("CELERYBEAT_", "beat_"), ("CELERYD_", "worker_"), ("CELERY_", ""), ("CELERY_", "task_"), ("", ""))


def is_setting(name: str) -> bool:
    """Whether this is the new name of a setting of Celery's (or one of ours beside them)."""
    return rule_for(f"setting:{name}") is not None


def new_name(name: str, namespace: str | None = None) -> str | None:
    """The new name of a setting: of a new name, an old one, or one with the namespace of the configuration.

    ``new_name("CELERY_ALWAYS_EAGER")`` and ``new_name("CELERY_TASK_ALWAYS_EAGER", "CELERY")`` are both
    ``task_always_eager``. ``None`` if it is no setting.
    """
    if is_setting(name):
        return name
    if not name.isupper():
        return None
    if namespace:
        prefix = f"{namespace.upper()}_"
        if name.startswith(prefix) and is_setting(name.removeprefix(prefix).lower()):
            return name.removeprefix(prefix).lower()
    if name in _RENAMED:
        return _RENAMED[name]
    for old, new in _OLD_PREFIXES:
        if name.startswith(old):
            candidate = new + name.removeprefix(old).lower()
            if is_setting(candidate):
                return candidate
    return None
