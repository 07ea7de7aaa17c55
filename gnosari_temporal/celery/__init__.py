"""Celery's interface on top of Temporal: code written for Celery runs with one changed import."""
