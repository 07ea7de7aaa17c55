"""A synthesizer: no queue anywhere, but all of its words."""

import itertools
import multiprocessing.pool
import re
from dataclasses import dataclass, field


class Task:
    """A step of a performance, not of a queue."""

    max_retries = 3
    rate_limit = "5/m"

    def __init__(self, name):
        self.name = name
        self.request = None

    def delay(self, seconds):
        return seconds

    def apply_async(self, *args, countdown=0, priority=0):
        return args, countdown, priority

    def retry(self, countdown=0):
        return countdown

    def s(self):
        return self.name

    def on_failure(self, error):
        return error


@dataclass
class App:
    conf: dict = field(default_factory=dict)

    def task(self, function=None, **options):
        return function or self.task

    def send_task(self, name):
        return name

    def config_from_object(self, source):
        self.conf.update(source)


class Celery:
    """A vegetable."""

    def stalks(self):
        return 3


class Effect:
    delay = 0.3

    def __or__(self, other):
        return [self, other]


app = App()
app.conf.update(task_routes={}, broker_url="amqp://", serializer="pickle", beat_schedule={"drum": 4})
app.config_from_object({"task_serializer": "pickle"})
app.send_task("play")


@app.task(bind=True, rate_limit="1/s")
def play(self, note):
    self.retry(countdown=2)
    return self.request.id, note


def chain(*effects):
    return itertools.chain(effects)


def group(*voices):
    return voices


def chord(*notes):
    return notes


def signature(piece):
    return piece


def perform(text, task):
    match = re.match("(.*)", text)
    play.delay(3)
    play.apply_async(args=[1], priority=0, serializer="pickle")
    task.delay(3)
    task.apply_async(countdown=1)
    Task("a").delay(4)
    Task("b").s()
    chain(Effect(), Effect()).delay()
    group(play).apply_async(queue="a")
    result = chord("c", "e", "g")
    result.get(timeout=3)
    result.revoke(terminate=True)
    piped = Effect() | Effect()
    with multiprocessing.pool.ThreadPool() as pool:
        pool.apply_async(print).get()
    return match.group(1), piped, signature(text), Celery().stalks()
