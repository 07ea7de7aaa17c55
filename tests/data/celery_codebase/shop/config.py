"""Settings of the shop's Celery app."""

from datetime import timedelta

from kombu import Exchange, Queue

BEAT = {
    "clean-up": {"task": "shop.tasks.orders.clean_up", "schedule": timedelta(hours=1)},
    "invoice": {"task": "shop.tasks.orders.invoice", "schedule": 30.0},
}


class CeleryConfig:
    broker_url = "redis://localhost:6379/0"
    result_backend = "redis://localhost:6379/0"
    task_serializer = "json"
    accept_content = ["json", "pickle"]  # noqa: RUF012
    task_routes = {"shop.tasks.orders.*": {"queue": "orders"}}  # noqa: RUF012
    task_queues = (
        Queue("orders"),
        Queue("mail", Exchange("mail", type="topic"), queue_arguments={"x-max-priority": 10}),
    )
    task_retry_delay = 60
    task_default_rate_limit = "100/s"
    task_soft_time_limit = 30
    beat_schedule = BEAT
    worker_concurrency = 4
    company = "Shop Ltd"
