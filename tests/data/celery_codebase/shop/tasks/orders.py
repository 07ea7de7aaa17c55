"""Orders: tasks with every option."""

import asyncio

from celery import shared_task
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

from ..celery import app
from .base import ShopTask

OPTIONS = {"queue": "orders", "priority": 3}


@app.task(bind=True, base=ShopTask, max_retries=3, default_retry_delay=10, acks_late=True)
def ship(self, order, message=None):
    try:
        if self.request.retries > 2:
            raise Ignore
        self.update_state(state="PACKING", meta={"order": order})
        return {"id": self.request.id, "queue": self.request.delivery_info["routing_key"]}
    except SoftTimeLimitExceeded as error:
        raise self.retry(exc=error, countdown=2**message.retry_count) from error
    except KeyError as error:
        raise Reject(error, requeue=False) from error
    except OSError:
        raise self.retry(args=[order], queue="slow") from None


@shared_task(
    name="shop.invoice",
    autoretry_for=(OSError,),
    retry_backoff=True,
    retry_backoff_max=60,
    retry_jitter=False,
    serializer="pickle",
    rate_limit="5/m",
    time_limit=60,
    soft_time_limit=50,
    ignore_result=True,
    company="Shop Ltd",
    **OPTIONS,
)
def invoice(order):
    loop = asyncio.new_event_loop()
    return loop.run_until_complete(render(order))


@app.task
async def render(order):
    return order


@app.task(bind=True)
def clean_up(self):
    if self.request.chord:
        return ship.delay("1").get()
    return self.replace(invoice.s("1"))
