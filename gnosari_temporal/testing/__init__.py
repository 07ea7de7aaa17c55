"""The test kit: consumers without a server, a real server and workers for tests, and the fixtures of the pytest plugin.

run = run_consumer(GreetConsumer, Greet(who="you"))
assert run.result == "Hello, you"
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..worker import recorded_history, replayer
    from .local import LocalServer, WorkerThread, local_settings
    from .outbox import SentMessage
    from .run import ConsumerRun, run_consumer, run_consumer_async
    from .time_skipping import TimeSkipping

_HOME = {
    "ConsumerRun": ".run",
    "LocalServer": ".local",
    "SentMessage": ".outbox",
    "TimeSkipping": ".time_skipping",
    "recorded_history": "..worker",
    "replayer": "..worker",
    "WorkerThread": ".local",
    "local_settings": ".local",
    "run_consumer": ".run",
    "run_consumer_async": ".run",
}


def __getattr__(name: str) -> Any:
    """Import on first use: pytest loads the plugin beside this in every test run of whoever has the package."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


__all__ = [
    "ConsumerRun",
    "LocalServer",
    "SentMessage",
    "TimeSkipping",
    "WorkerThread",
    "local_settings",
    "recorded_history",
    "replayer",
    "run_consumer",
    "run_consumer_async",
]
