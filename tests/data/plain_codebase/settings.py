"""Settings with names that begin like those of a queue."""

BROKER_URL = "https://broker.example"
TASK_ROUTES = {"a": "b"}
TIMEZONE = "UTC"
IMPORTS = ("a",)
INSTALLED_APPS = ["django.contrib.admin"]


class Config:
    broker_url = "https://broker.example"
    task_serializer = "pickle"
    timezone = "UTC"
