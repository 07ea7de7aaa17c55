"""How the command prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click
import pytest

from gnosari_temporal.cli import output


def test_a_table_for_a_program_is_aligned_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300

    output.table(("JOB", "STATE"), [("A/1", output.state("FAILED")), (long, None)])

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"JOB{' ' * 297}  STATE"
    assert lines[1] == f"A/1{' ' * 297}  FAILED"
    assert lines[2] == long


def test_json_for_a_program_is_one_line_of_unicode(capsys: pytest.CaptureFixture[str]) -> None:
    output.result_json({"greeting": "Grüße", "at": datetime(2026, 1, 1, tzinfo=UTC)})

    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "Grüße" in printed
    assert json.loads(printed)["at"] == "2026-01-01 00:00:00+00:00"


def test_fields_that_are_empty_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    output.fields({"job": "A/1", "parent": "", "attempt": 0, "worker": None})

    assert capsys.readouterr().out == "job      A/1\nattempt  0\n"


def test_results_go_to_stdout_and_all_else_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.result("result")
    output.chatter("chatter")
    output.warning("careful")
    output.error("no")

    printed = capsys.readouterr()
    assert printed.out == "result\n"
    assert printed.err == "chatter\nWarning: careful\nError: no\n"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=12), "12s"),
        (timedelta(minutes=3, seconds=50), "3m"),
        (timedelta(hours=5), "5h"),
        (timedelta(days=2, hours=20), "2d"),
        (-timedelta(seconds=31), "in 30s"),
    ],
)
def test_an_age_is_one_number_with_its_unit(ago: timedelta, text: str) -> None:
    assert output.age(datetime.now(UTC) - ago) == text
    assert output.age(None) == ""


@pytest.mark.parametrize("width", [120, 90, 40])
def test_on_a_terminal_the_last_column_gives_way_and_an_id_stays_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    job = "ExampleMessage/5dcf426a-7a39-4563-a47b-c6882d524a0f"

    output.table(("JOB", "STATE", "ABOUT"), [(job, output.state("FAILED"), "asked to fail " * 9)])

    lines = [line.rstrip() for line in click.unstyle(capsys.readouterr().out).splitlines()]
    row = next(line for line in lines if job in line)
    assert "FAILED" in row
    assert row.endswith("…")
    assert max(map(len, lines)) <= max(width, 90)
