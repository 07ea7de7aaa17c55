"""Canvas: what is sent together."""

from celery import chain, chord, group, signature
from celery.result import AsyncResult, ResultSet

from shop.tasks import invoice, ship
from shop.tasks.orders import render as draw


def nightly(orders):
    pipeline = ship.s(orders[0]) | draw.s() | invoice.si("1")
    pipeline.link_error(signature("shop.alarm"))
    pipeline.stamp(tenant="a")
    everything = group(ship.s(order) for order in orders)
    result = everything.apply_async(countdown=5)
    chord(everything)(invoice.s())
    chain(ship.s("1"), invoice.s()).delay()
    ship.chunks([(order,) for order in orders], 10).apply_async()
    ship.map(orders).set(queue="orders").delay()
    return result.join(), result.completed_count()


def look(id):
    result = AsyncResult(id)
    if result.ready() and result.state == "SUCCESS":
        result.forget()
    result.revoke(terminate=True)
    result.get_leaf()
    return result.info, ResultSet([result])
