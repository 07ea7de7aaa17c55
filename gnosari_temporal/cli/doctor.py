"""``gnosari doctor``: what is wrong, and what mends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING

import click

from . import logs, output
from .exits import ExitCode
from .invocation import Invocation, pass_invocation
from .params import json_option

if TYPE_CHECKING:
    from ..client.queues import TaskQueueState
    from .diagnosis import Diagnosis


@click.command()
@click.option(
    "--probe", is_flag=True, help="Find out whether the server is fair: starts, and deletes, four workflows of its own."
)
@json_option
@pass_invocation
def doctor(invocation: Invocation, /, *, probe: bool, as_json: bool) -> int:
    """Check server, workers and settings, and name remedies.

    Exit codes: 0 healthy, 1 something is wrong, 3 no server answers.
    """
    from .diagnosis import diagnose

    settings = invocation.settings()
    logs.set_up("error", debug=invocation.debug)
    with contextlib.redirect_stdout(sys.stderr):  # what the project's modules print when they are imported
        found = asyncio.run(diagnose(settings, invocation.from_dotenv, probe=probe))
    if as_json:
        output.result_json(found.to_dict())
    else:
        _print(found)
    if not found.reachable:
        return ExitCode.UNREACHABLE
    return ExitCode.OK if found.healthy else ExitCode.JOB_FAILED


def _print(found: Diagnosis) -> None:
    output.fields(
        {
            "server": f"{found.address}, {f'Temporal {found.server_version}' if found.reachable else 'no answer'}",
            "namespace": found.namespace + (f", jobs that are over are kept {_kept(found)}" if found.retention else ""),
            "project": f"{found.project}: {_count(found.workflows, 'workflow')}, {_count(found.consumers, 'consumer')}",
            "priorities": _priorities(found),
            "lanes": ", ".join(f"{name} {priorities}" for name, priorities in found.lanes.items()) or "none",
            "fairness": _fairness(found) if found.reachable else None,
            "search": _search_attributes(found) if found.reachable else None,
        }
    )
    if found.task_queues:
        output.result("")
        output.table(("TASK QUEUE", "TASKS", "WAITING", "WORKERS"), [_row(state) for state in found.task_queues])
    output.result("")
    output.table(
        ("SETTING", "VALUE", "FROM"), [(item.name, _in_short(item.value), item.source) for item in found.settings]
    )
    output.result("")
    for finding in found.findings:
        mark, colour = ("✗", "red") if finding.is_problem else ("!", "yellow")
        output.result(f"{click.style(mark, fg=colour)} {finding.text}\n  → {finding.remedy}")
    problems = sum(finding.is_problem for finding in found.findings)
    output.result(
        click.style("✓ healthy", fg="green") if found.healthy else f"{problems} problem{'s' if problems > 1 else ''}"
    )


def _in_short(value: object) -> str:
    if value in (None, [], {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _kept(found: Diagnosis) -> str:
    from ..durations import format_duration

    return format_duration(found.retention) if found.retention else ""


def _count(names: tuple[str, ...], word: str) -> str:
    return f"{len(names)} {word}{'' if len(names) == 1 else 's'}"


def _priorities(found: Diagnosis) -> str:
    if all(priority == key for priority, key in found.priority_keys.items()):
        mapping = "passed as they are"
    else:
        mapping = ", ".join(f"{priority}→{key}" for priority, key in found.priority_keys.items())
    return f"{found.priority_levels} levels of the server: {mapping}"


def _fairness(found: Diagnosis) -> str:
    if found.fairness is not None:
        return "on" if found.fairness else "off"
    if found.partitions and found.partitions > 1:
        return f"not to be told with {found.partitions} partitions"
    return "not tried: --probe tries it"


def _search_attributes(found: Diagnosis) -> str:
    if found.missing_search_attributes is None:
        return "the server does not say which attributes it has"
    return f"missing {', '.join(found.missing_search_attributes)}" if found.missing_search_attributes else "complete"


def _row(state: TaskQueueState) -> tuple[object, ...]:
    workers = [
        poller.identity if poller.active else f"{poller.identity} (last seen {output.age(poller.last_seen)} ago)"
        for poller in state.pollers
    ]
    return state.name, state.kind, state.waiting, ", ".join(workers) or click.style("none", fg="red")
