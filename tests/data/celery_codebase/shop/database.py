"""A database; nothing of Celery's."""


class Engine:
    def dispose(self):
        return None

    def delay(self, seconds):
        return seconds


engine = Engine()
engine.delay(3)
