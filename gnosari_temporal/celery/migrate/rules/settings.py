"""Constructs: Celery's settings, by their new names; ``setting_names`` knows the old ones."""

from __future__ import annotations

from .rule import Rule, as_is, does_not_run


def _keys(names: str) -> tuple[str, ...]:
    return tuple(f"setting:{name}" for name in names.split())


def _listed(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split())


def _honoured(id: str, names: str, text: str) -> Rule:
    return as_is(f"setting.{id}", _listed(names), text, *_keys(names))


def _without_effect(id: str, names: str, text: str, shown: str = "") -> Rule:
    return as_is(f"setting.{id}", shown or _listed(names), f"Accepted without effect: {text}", *_keys(names))


def _refused(id: str, names: str, text: str, remedy: str) -> Rule:
    return does_not_run(f"setting.{id}", _listed(names), text, remedy, *_keys(names))


SETTINGS: tuple[Rule, ...] = (
    _honoured(
        "task_routes",
        "task_routes",
        "Patterns of task names to queues, and to priorities. A function or router class is called as on Celery.",
    ),
    _honoured(
        "task_queues",
        "task_queues",
        "The names of the queues that the worker serves by default; exchanges and arguments have no effect.",
    ),
    _honoured(
        "task_default_queue", "task_default_queue", "The queue of calls that have no other; `celery` unless set."
    ),
    _honoured(
        "task_default_priority",
        "task_default_priority",
        "The priority of calls that have no other, in the style of the app; 5 of 1–10 unless set.",
    ),
    _honoured(
        "gnosari_priority_style",
        "gnosari_priority_style",
        '`"gnosari"` (1–10, lower first; the default) or `"celery"` (0–9 of Celery with Redis, 0 first).',
    ),
    _honoured(
        "time_limits",
        "task_time_limit task_soft_time_limit",
        "The time limits of tasks that declare none.",
    ),
    _honoured(
        "retry_defaults",
        "task_retry_delay task_max_retries",
        "The retry delay (seconds) and limit of tasks and consumers that declare none; Gnosari's own settings.",
    ),
    _honoured(
        "task_acks_late",
        "task_acks_late task_reject_on_worker_lost",
        "As the task option `acks_late`: `True` is how tasks run, an explicit `False` is honoured. "
        "`task_reject_on_worker_lost` has no effect beside it.",
    ),
    _honoured(
        "eager",
        "task_always_eager task_eager_propagates task_store_eager_result",
        "Honoured: calls run in the sending process, without a server. `task_store_eager_result` has no effect.",
    ),
    _honoured("task_ignore_result", "task_ignore_result", "As the task option `ignore_result`, for all."),
    _honoured(
        "serializers",
        "task_serializer result_serializer accept_content result_accept_content event_serializer",
        "JSON is what is sent; `json` and `application/json` are accepted, anything else is refused.",
    ),
    _honoured(
        "result_expires",
        "result_expires",
        "A result older than this is answered as unknown; the server's retention is the upper bound.",
    ),
    _honoured("timezone", "timezone enable_utc", "How a naive `eta` or `expires` is read."),
    _honoured("imports", "imports include", "Modules that the worker imports."),
    _without_effect(
        "broker",
        "broker_url broker_read_url broker_write_url broker_transport broker_transport_options "
        "broker_connection_timeout broker_connection_retry broker_connection_retry_on_startup "
        "broker_connection_max_retries broker_channel_error_retry broker_failover_strategy broker_heartbeat "
        "broker_heartbeat_checkrate broker_login_method broker_native_delayed_delivery_queue_type broker_pool_limit "
        "broker_pool_acquire_timeout broker_use_ssl broker_host broker_port broker_user broker_password broker_vhost",
        "the connection comes from Temporal's configuration (`TEMPORAL_ADDRESS`, TLS, API key).",
    ),
    _without_effect(
        "result_backend",
        "result_backend result_backend_transport_options result_backend_max_sleep_between_retries_ms "
        "result_backend_max_retries result_backend_base_sleep_between_retries_ms result_backend_always_retry "
        "result_cache_max result_compression result_exchange result_exchange_type result_persistent result_extended "
        "result_failure_expires result_chord_expires result_chord_retry_interval result_chord_join_timeout",
        "results are kept by the Temporal server.",
    ),
    _without_effect(
        "backend_options",
        "redis_* cache_* cassandra_* s3_* azureblockblob_* gcs_* couchbase_* arangodb_* mongodb_* cosmosdbsql_* "
        "elasticsearch_* database_*",
        "they configure a result backend.",
    ),
    _without_effect(
        "events",
        "event_queue_expires event_queue_ttl event_queue_prefix event_queue_exclusive event_queue_durable "
        "event_exchange worker_send_task_events task_send_sent_event",
        "every job's history is on the server; there are no events.",
    ),
    _without_effect(
        "control",
        "control_queue_ttl control_queue_expires control_queue_exclusive control_queue_durable control_exchange "
        "worker_enable_remote_control worker_state_db",
        "there is no remote control; revoked calls are kept by the server.",
    ),
    _without_effect(
        "delivery",
        "task_acks_on_failure_or_timeout task_acks_on_failure task_acks_on_timeout task_publish_retry "
        "task_publish_retry_policy task_protocol task_compression task_default_delivery_mode task_default_exchange "
        "task_default_routing_key task_default_queue_type task_create_missing_queues task_create_missing_queue_type "
        "task_create_missing_queue_exchange_type task_track_started task_remote_tracebacks "
        "task_store_errors_even_if_ignored task_repr_maxlevels task_retry_on_worker_lost "
        "worker_detect_quorum_queues worker_deduplicate_successful_tasks "
        "worker_cancel_long_running_tasks_on_connection_loss",
        "how messages reach a worker is Temporal's; a started task is always STARTED, a failed one has its traceback.",
    ),
    _without_effect(
        "task_inherit_parent_priority",
        "task_inherit_parent_priority task_allow_error_cb_on_chord_header",
        "a call has its own priority; an error callback is given to the calls or to the chord's body.",
    ),
    _without_effect(
        "worker_size",
        "worker_concurrency worker_prefetch_multiplier worker_disable_prefetch worker_eta_task_limit "
        "worker_enable_prefetch_count_reduction worker_max_tasks_per_child worker_max_memory_per_child",
        "`gnosari worker --concurrency --processes --max-jobs-per-process --max-memory`; nothing is prefetched.",
    ),
    _without_effect(
        "worker_pool",
        "worker_pool worker_pool_putlocks worker_pool_restarts worker_pool_start_method worker_direct worker_lost_wait "
        "worker_proc_alive_timeout worker_soft_shutdown_timeout worker_enable_soft_shutdown_on_idle "
        "worker_disable_rate_limits worker_timer worker_timer_precision",
        "coroutines run on the worker's event loop, other tasks in threads; `gnosari worker --grace` says how long a "
        "worker waits at its end.",
    ),
    _without_effect(
        "worker_logging",
        "worker_hijack_root_logger worker_log_color worker_log_datefmt worker_log_format worker_task_log_datefmt "
        "worker_task_log_format worker_redirect_stdouts worker_redirect_stdouts_level",
        "the worker logs through the standard library, at `gnosari worker --loglevel`; `print` goes to stdout.",
    ),
    _without_effect(
        "beat_process",
        "beat_max_loop_interval beat_schedule_filename beat_sync_every beat_cron_starting_deadline "
        "beat_enable_remote_control beat_remote_control_max_tick_age",
        "there is no beat process.",
    ),
    _refused(
        "beat_schedule",
        "beat_schedule",
        "There is no beat: schedules live on the server.",
        "`gnosari schedule create` for each entry.",
    ),
    _refused(
        "beat_scheduler",
        "beat_scheduler",
        "There is no beat, so its scheduler (a database, Redis) is never asked.",
        "`gnosari schedule create` for each entry of that scheduler.",
    ),
    _refused(
        "task_annotations",
        "task_annotations",
        "Refused: options that change tasks from afar would be lost in silence.",
        "Write the options on the tasks, or on their base class.",
    ),
    _refused(
        "task_default_rate_limit",
        "task_default_rate_limit",
        "Celery counts per worker process; here limits belong to a queue and hold over all workers.",
        "Set the queue's limit on the server.",
    ),
    _refused(
        "task_default_exchange_type",
        "task_default_exchange_type",
        "A message has one queue; `direct` is accepted, other types are refused.",
        "Leave it out; send one call per queue, or a `group`.",
    ),
    _refused(
        "task_queue_max_priority",
        "task_queue_max_priority",
        "It is RabbitMQ's, whose priorities count the other way (higher first).",
        "Turn the numbers round (1 is first here, 10 last) and leave the setting out.",
    ),
    _refused(
        "security",
        "security_certificate security_cert_store security_key security_key_password security_digest",
        "Messages are not signed one by one.",
        "Use TLS or an API key for the connection to Temporal; encrypt payloads with a Temporal payload codec.",
    ),
    _refused(
        "worker_component",
        "worker_agent worker_autoscaler worker_consumer",
        "The worker has no such parts to replace.",
        "Leave it out.",
    ),
    as_is(
        "setting.unknown",
        "a name in the configuration that is no setting of Celery's",
        "Kept in `app.conf` for your own code; nothing here reads it.",
    ),
)
