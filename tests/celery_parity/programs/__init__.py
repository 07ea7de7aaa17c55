"""The programs, one a module.

Each has ``build(app, celery)``, which declares its tasks on an app and gives them as a namespace, ``run(tasks,
scratch)``, which sends calls and gives the outcome as plain JSON data, and ``EXPECTED``, the outcome on Celery.
``celery`` is the package that code imports from (the one import that a migration changes). A program whose outcome is
another on ``gnosari_temporal.celery`` has it as ``HERE``; the migration document lists those with their reason.
``scratch`` is a folder that sender and worker share.
"""
