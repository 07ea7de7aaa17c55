"""The web side: sends calls to tasks of other modules, under other names."""

import multiprocessing

import celery as c
from vendor.tasks import send_mail

from shop import tasks
from shop.celery import app as queue

TASKS = {"ship": tasks.ship, "invoice": tasks.invoice}


def order(number, task: c.Task):
    tasks.ship.apply_async(
        args=[number],
        priority=0,
        queue="orders",
        eta=None,
        expires=60,
        task_id=number,
        headers={"tenant": "a"},
        link=tasks.invoice.s(number),
        routing_key="orders.new",
        retry=True,
    )
    queue.send_task("shop.invoice", args=[number], priority=2, serializer="msgpack")
    TASKS["invoice"].delay(number)
    for one in (tasks.ship, tasks.invoice):
        one.delay(number)
    task.apply(args=[number])
    send_mail.delay(number)
    c.current_app.tasks["shop.invoice"].delay_on_commit(number)
    return queue.AsyncResult(number).get(timeout=10)


def compute(numbers):
    with multiprocessing.Pool() as pool:
        pool.apply_async(sum, (numbers,)).get()


def stop(number):
    queue.control.revoke(number, terminate=True)
    queue.control.purge()
    active = queue.control.inspect().active()
    queue.control.rate_limit("shop.invoice", "1/m")
    with queue.connection_for_write():
        pass
    queue.backend.cleanup()
    queue.worker_main(["worker"])
    return active, queue.main
