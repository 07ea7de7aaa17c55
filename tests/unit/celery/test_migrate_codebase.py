"""``gnosari migrate`` on a whole code base: every construct at its line, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from gnosari_temporal.celery.migrate import RULES, Report, Verdict, analyse

DATA = Path(__file__).parents[2] / "data"

FOUND: dict[str, str] = {
    "deploy/Dockerfile": """
          3 env.connection
          4 env.unused
          5 command.worker
    """,
    "deploy/Makefile": """
          2 command.worker
    """,
    "deploy/Procfile": """
          2 command.worker
    """,
    "deploy/docker-compose.yml": """
          6 command.worker
          8 env.connection
          9 env.honoured
         12 command.beat
         14 env.unused
         17 command.flower
    """,
    "deploy/kubernetes.yaml": """
          8 command.beat
         11 env.connection
    """,
    "deploy/operate.sh": """
          3 env.connection
          4 command.inspect command.control
          5 command.call
    """,
    "deploy/worker.conf": """
          2 command.worker
          3 env.honoured
    """,
    "deploy/worker.env": """
          1 env.honoured
          2 env.connection
    """,
    "pyproject.toml": """
          5 requirement.celery
          6 requirement.unneeded
    """,
    "requirements.txt": """
          1 requirement.celery
          2 requirement.extension
          3 requirement.unneeded
    """,
    "shop/celery.py": """
          5 import.Celery
          6 import.schedules
          7 import.signals import.signals
         11 app.create app.option.broker app.option.include
         12 app.config_from_object
         13 app.conf setting.eager
         14 app.conf setting.worker_size
         15 app.conf setting.delivery setting.result_expires setting.unknown
         16 app.autodiscover_tasks
         19 signal.worker
         24 signal.logging
         29 app.lifecycle
         31 app.add_periodic_task beat.crontab call.signature
         34 task.decorator
    """,
    "shop/config.py": """
          5 kombu.Queue kombu.Queue
          8 beat.entry
          9 beat.entry
         14 setting.broker
         15 setting.result_backend
         16 setting.serializers
         17 serializer.pickle
         18 setting.task_routes
         19 setting.task_queues
         21 kombu.exchange-type kombu.queue-arguments
         23 setting.retry_defaults
         24 setting.task_default_rate_limit
         25 setting.time_limits
         26 setting.beat_schedule
         27 setting.worker_size
         28 setting.unknown
    """,
    "shop/old_settings.py": """
          5 import.extension
          8 setting.eager
          9 serializer.pickle
         10 setting.time_limits
         11 setting.worker_size
         12 setting.broker
         13 setting.task_default_queue
         14 setting.beat_scheduler
    """,
    "shop/reports.py": """
          3 import.canvas import.canvas import.canvas import.canvas
          4 import.result import.result-other
         11 canvas.pipe call.signature call.signature call.signature
         12 canvas.link canvas.signature
         13 canvas.stamp
         14 canvas.group call.signature
         15 call.apply_async apply_async.countdown
         16 canvas.chord call.signature
         17 canvas.chain call.signature call.signature call.delay
         18 call.map call.apply_async
         19 call.map canvas.set apply_async.queue call.delay
         20 result.group result.group
         24 result.create
         25 result.state result.state
         26 result.forget
         27 result.revoke
         28 result.other
         29 result.value
    """,
    "shop/tasks/base.py": """
          3 import.module
          4 import.log
          9 task.class
         11 task.option.max_retries
         12 task.option.rate_limit
         14 task.hook
         17 task.hook
         18 request.attribute
         20 task.call-override
         21 task.attribute
         23 task.class-other
    """,
    "shop/tasks/orders.py": """
          5 import.shared_task
          6 import.exceptions import.exceptions.Reject import.exceptions
         11 task.option.queue task.option.priority
         14 task.decorator task.option.bind task.option.base task.option.max_retries
         14 task.option.default_retry_delay task.option.acks_late
         17 request.attribute
         19 task.update_state
         20 request.attribute request.attribute
         22 retry.message-count retry.call retry.option retry.option
         26 retry.call retry.option retry.option-other
         29 task.decorator
         30 task.option.name
         31 task.option.autoretry_for
         32 task.option.retry_backoff
         33 task.option.retry_backoff
         34 task.option.retry_backoff
         35 serializer.pickle
         36 task.option.rate_limit
         37 task.option.time_limit
         38 task.option.time_limit
         39 task.option.ignore_result
         40 task.option.attribute
         44 task.event-loop
         48 task.decorator
         49 task.async-body
         53 task.decorator task.option.bind
         55 request.other
         56 call.delay result.get result.get-in-task
         57 task.replace call.signature
    """,
    "shop/web.py": """
          5 import.module
         15 call.apply_async
         16 apply_async.args
         17 apply_async.priority priority.out-of-range
         18 apply_async.queue
         19 apply_async.countdown
         20 apply_async.expires
         21 apply_async.task_id
         22 apply_async.headers
         23 apply_async.link call.signature
         24 apply_async.routing
         25 apply_async.retry
         27 app.send_task apply_async.args apply_async.priority serializer.other
         28 call.delay
         30 call.delay
         31 call.apply
         32 call.unresolved
         33 app.tasks call.delay_on_commit
         34 app.result result.get
         43 control.revoke
         44 control.purge
         45 control.inspect
         46 control.other
         47 app.connection
         49 app.backend
         50 app.run
         51 app.plain
    """,
    "tests/check_orders.py": """
          5 test.fixtures
          8 test.fixtures
          9 test.fixtures
         12 call.apply result.state
    """,
}


def expected() -> Counter[tuple[str, int, str]]:
    """The table as (file, line, construct), with how often."""
    rows = ((path, line.split()) for path, lines in FOUND.items() for line in lines.strip().splitlines())
    return Counter((path, int(line), construct) for path, (line, *constructs) in rows for construct in constructs)


def found(report: Report) -> Counter[tuple[str, int, str]]:
    return Counter((finding.path, finding.line, finding.construct) for finding in report.findings)


def test_every_construct_is_found_at_its_line_and_nothing_else_is() -> None:
    report = analyse(DATA / "celery_codebase")

    assert found(report) - expected() == Counter()
    assert expected() - found(report) == Counter()


def test_the_code_base_holds_far_more_than_thirty_constructs() -> None:
    assert len({construct for _, _, construct in expected()}) > 100


def test_columns_are_those_of_the_construct_itself() -> None:
    report = analyse(DATA / "celery_codebase")
    columns = {(finding.path, finding.line, finding.construct): finding.column for finding in report.findings}
    lines = (DATA / "celery_codebase/shop/web.py").read_text().splitlines()

    assert lines[14][columns["shop/web.py", 15, "call.apply_async"] - 1 :].startswith("apply_async(")
    assert lines[16][columns["shop/web.py", 17, "apply_async.priority"] - 1 :].startswith("priority=")


def test_a_code_base_without_celery_has_no_findings_though_it_uses_all_the_words() -> None:
    report = analyse(DATA / "plain_codebase")

    assert report.files > 3
    assert report.findings == ()
    assert report.runs


def test_the_summary_counts_every_verdict() -> None:
    report = analyse(DATA / "celery_codebase")

    assert sum(report.summary.values()) == len(report.findings)
    assert set(report.summary) == set(Verdict)
    assert all(report.summary.values())
    assert not report.runs


def test_a_report_is_plain_json() -> None:
    report = analyse(DATA / "celery_codebase")

    data = json.loads(json.dumps(report.to_json()))

    assert data["runs"] is False
    assert data["summary"] == {verdict.value: count for verdict, count in report.summary.items()}
    first = data["findings"][0]
    assert set(first) == {"path", "line", "column", "construct", "verdict", "text", "remedy"}
    assert first["path"] == "deploy/Dockerfile"


def test_whatever_does_not_run_or_needs_another_import_has_a_remedy() -> None:
    report = analyse(DATA / "celery_codebase")

    assert [f.construct for f in report.findings if f.verdict is not Verdict.AS_IS and not f.remedy] == []
    assert [rule.id for rule in RULES if rule.verdict is not Verdict.AS_IS and not rule.remedy] == []


def test_findings_can_be_narrowed_to_some_verdicts() -> None:
    report = analyse(DATA / "celery_codebase")

    narrowed = report.only([Verdict.CHANGED_IMPORT])

    assert {finding.verdict for finding in narrowed.findings} == {Verdict.CHANGED_IMPORT}
    assert len(narrowed.findings) == report.summary[Verdict.CHANGED_IMPORT]


def test_the_analysis_imports_neither_celery_nor_the_modules_beside_it() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import gnosari_temporal.celery.migrate; "
        "names = [n for n in sys.modules if n == 'celery' or n.startswith(('celery.', 'temporalio'))]; "
        "ours = [n for n in sys.modules if n.startswith('gnosari_temporal.celery.') and '.migrate' not in n]; "
        "print(names, ours)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[] []"
