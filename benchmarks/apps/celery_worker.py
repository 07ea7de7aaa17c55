"""The app as a Celery worker finds it: BENCHMARK_REDIS and BENCHMARK_VISIBILITY_TIMEOUT say how it is set up."""

from __future__ import annotations

import os

from .celery_seed import make_app

_timeout = os.environ.get("BENCHMARK_VISIBILITY_TIMEOUT")
app = make_app(os.environ["BENCHMARK_REDIS"], float(_timeout) if _timeout else None)
