"""Tests of the shop, named so that the repository's own tests don't collect them."""

import pytest

pytest_plugins = ("celery.contrib.pytest",)


@pytest.mark.celery(task_always_eager=True)
def test_ship(celery_app, celery_worker):
    from shop.tasks import ship

    assert ship.apply(args=["1"]).successful()
