"""The shop's Celery app."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging, worker_process_init

from .database import engine

app = Celery("shop", broker=os.environ["BROKER"], include=["shop.tasks.orders"])
app.config_from_object("shop.config:CeleryConfig")
app.conf.task_always_eager = False
app.conf["worker_prefetch_multiplier"] = 1
app.conf.update(task_track_started=True, result_expires=3600, shop_currency="EUR")
app.autodiscover_tasks(["shop.tasks"])


@worker_process_init.connect
def dispose_connections(**kwargs):
    engine.dispose()


@setup_logging.connect
def configure_logging(**kwargs):
    pass


@app.on_after_configure.connect
def add_periodic(sender, **kwargs):
    sender.add_periodic_task(crontab(minute="*/5"), remind.s("open"), name="remind")


@app.task
def remind(what):
    return what
