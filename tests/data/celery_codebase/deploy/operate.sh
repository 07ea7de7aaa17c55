#!/bin/sh
# celery -A shop worker would be started by the supervisor
export CELERY_BROKER_URL=redis://localhost
celery -A shop inspect active && celery -A shop purge -f
exec celery \
  -A shop call shop.invoice
echo "celery worker stopped"
