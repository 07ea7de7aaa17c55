"""Settings with names that begin like those of a queue."""

BROKER_URL = "https://broker.example"
TASK_ROUTES = {"a": "b"}
TIMEZONE = "UTC"
IMPORTS = ("a",)
INSTALLED_APPS = ["django.contrib.admin"]
NAMES_OF_OTHERS = {"CELERY_BROKER_URL": "the broker", "CELERY_TASK_SERIALIZER": "pickle"}


class Config:
    broker_url = "https://broker.example"
    task_serializer = "pickle"
    timezone = "UTC"
