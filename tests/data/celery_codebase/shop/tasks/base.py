"""The base class of the shop's tasks."""

import celery
from celery.utils.log import get_task_logger

logger = get_task_logger(__name__)


class ShopTask(celery.Task):
    abstract = True
    max_retries = 5
    rate_limit = "10/m"

    def before_start(self, task_id, args, kwargs):
        logger.info("%s starts", task_id)

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        logger.error("%s failed: %s", self.request.id, exc)

    def __call__(self, *args, **kwargs):
        return self.run(*args, **kwargs)

    def on_bound(self, app):
        return None
