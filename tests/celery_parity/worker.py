"""The module that the real worker imports: ``celery -A …worker worker``."""

from __future__ import annotations

import os

import celery

from .backend import build_all
from .real_celery import make_app

app = make_app(int(os.environ["PARITY_REDIS_PORT"]))
build_all(app, celery)
