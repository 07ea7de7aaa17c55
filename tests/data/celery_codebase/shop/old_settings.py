"""Django-like settings with the old names of Celery's settings, and with its namespace."""

INSTALLED_APPS = [
    "django.contrib.admin",
    "django_celery_beat",
]
DEBUG = True
CELERY_ALWAYS_EAGER = True
CELERY_TASK_SERIALIZER = "pickle"
CELERYD_TASK_TIME_LIMIT = 600
CELERYD_CONCURRENCY = 8
CELERY_BROKER_URL = "redis://localhost"
CELERY_TASK_DEFAULT_QUEUE = "shop"
CELERYBEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TEAM = "shop"
