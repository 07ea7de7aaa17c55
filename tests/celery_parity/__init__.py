"""The same forty task programs on Celery with Redis and on ``gnosari_temporal.celery``.

``programs/`` holds the programs, ``backend.py`` what runs them, ``real_celery.py`` the run on Celery itself.
"""
