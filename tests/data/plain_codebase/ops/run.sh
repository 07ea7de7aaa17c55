#!/bin/sh
# no celery -A here
echo "celery worker"
pip install flower
worker --concurrency 4
