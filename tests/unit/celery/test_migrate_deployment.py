"""The analysis of what stands around the code: command lines, variables, requirements."""

from __future__ import annotations

from pathlib import Path

import pytest

from gnosari_temporal.celery.migrate import Finding, analyse
from gnosari_temporal.celery.migrate.commands import commands_in
from gnosari_temporal.celery.migrate.requirements import requirement_name


def analysed(folder: Path, name: str, text: str) -> list[Finding]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return list(analyse(folder).findings)


def rows(findings: list[Finding]) -> list[tuple[int, int, str]]:
    return [(finding.line, finding.column, finding.construct) for finding in findings]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("celery -A proj worker", "`gnosari worker --module proj`"),
        ("celery worker -A proj.celery:app", "`gnosari worker --module proj.celery`"),
        ("celery -Aproj worker -c4 -Qa", "`gnosari worker --module proj --concurrency 4 --queue a`"),
        ("poetry run celery --app=proj worker --queues a", "`gnosari worker --module proj --queue a`"),
        ("celery -A proj worker --loglevel=INFO", "`gnosari worker --module proj --loglevel info`"),
        ("python -m celery -A proj worker", "`gnosari worker --module proj`"),
        ("exec /venv/bin/celery -A proj worker -D", "`gnosari worker start --module proj --detach`"),
        ("A=b celery -b redis:// -A proj worker", "`gnosari worker --module proj`"),
        ("cd /app && celery -A proj worker", "`gnosari worker --module proj`"),
        ("sh -c 'celery -A proj worker -P gevent -O fair'", "`gnosari worker --module proj` (without -P, -O)"),
        ("celery -A proj worker --max-tasks-per-child=9 --max-memory-per-child 200000",
         "`gnosari worker --module proj --max-jobs-per-process 9 --max-memory 200MB`"),
        ("watchmedo auto-restart -d . -- celery -A proj worker", "`gnosari worker --module proj`"),
        ("celery -A proj call proj.add --args='[1]'", "`gnosari send proj.add JSON --wait`"),
        ("celery -A proj result 8a1", "`gnosari job result 8a1`"),
    ],
)  # fmt: skip
def test_the_command_to_type_instead_is_shown(line: str, remedy: str) -> None:
    assert [command.remedy for command in commands_in(line)] == [remedy]


@pytest.mark.parametrize(
    ("line", "construct"),
    [
        ("celery -A proj beat -s /tmp/schedule", "command.beat"),
        ("celery -A proj worker -B", "command.beat"),
        ("celerybeat --pidfile=", "command.beat"),
        ("celery -A proj flower --port=5555", "command.flower"),
        ("flower --broker=redis://", "command.flower"),
        ("celery -A proj inspect ping -d worker@host", "command.inspect"),
        ("celery -A proj purge -f", "command.control"),
        ("celery multi start 4 -A proj", "command.worker"),
        ("celery -A proj shell", "command.other"),
    ],
)
def test_every_subcommand_has_its_construct(line: str, construct: str) -> None:
    assert [command.rule.id for command in commands_in(line)] == [construct]


@pytest.mark.parametrize(
    "line",
    [
        "pip install celery flower",
        "pip install 'celery[redis]' worker",
        "echo celery -A proj worker",
        'echo "celery worker"',
        "service celery restart",
        "# celery -A proj worker",
        "the celery worker of the shop",
        "celery worker must be restarted",
        "celery --version",
        "pkill -f 'celery worker'",
        "flower",
        "docker pull celery",
    ],
)
def test_what_only_names_celery_is_no_command(line: str) -> None:
    assert list(commands_in(line)) == []


def test_the_module_with_the_app_is_looked_for_in_the_code_base(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "celery.py").touch()

    findings = analysed(tmp_path, "Procfile", "worker: celery -A shop worker\nother: celery -A other worker\n")

    assert [finding.remedy for finding in findings] == [
        "`gnosari worker --module shop.celery`",
        "`gnosari worker --module other`",
    ]


def test_a_command_over_several_lines_is_found_where_its_program_stands(tmp_path: Path) -> None:
    text = "#!/bin/bash\nset -e\n\nexec gosu app \\\n  celery \\\n  # a note\n  -A proj worker \\\n  -c 2\n"

    findings = analysed(tmp_path, "start-worker", text)

    assert rows(findings) == [(5, 3, "command.worker")]
    assert findings[0].remedy == "`gnosari worker --module proj --concurrency 2`"


def test_a_dockerfile_is_read_in_both_forms(tmp_path: Path) -> None:
    text = (
        "FROM python:3.12\n"
        "ENV CELERY_BROKER_URL redis://redis\n"
        "ARG CELERY_X=1\n"
        "RUN echo celery -A proj worker\n"
        'ENTRYPOINT ["sh", "-c", "celery -A proj beat"]\n'
        "CMD celery -A proj worker\n"
    )

    findings = analysed(tmp_path, "worker.Dockerfile", text)

    assert rows(findings) == [
        (2, 5, "env.connection"),
        (3, 5, "env.unused"),
        (5, 26, "command.beat"),
        (6, 5, "command.worker"),
    ]


def test_yaml_is_read_as_yaml(tmp_path: Path) -> None:
    text = (
        "x-env: &env\n"
        "  CELERY_BROKER_URL: redis://\n"
        "services:\n"
        "  worker:\n"
        "    environment: *env\n"
        "    command:\n"
        "      - celery\n"
        "      - -A\n"
        "      - proj\n"
        "      - worker\n"
        "  other:\n"
        "    environment: {FLOWER_PORT: 5555}\n"
        "    command: >\n"
        "      celery -A proj\n"
        "      worker -c 2\n"
        "  job:\n"
        "    run: |\n"
        "      set -e\n"
        "      celery -A proj purge -f\n"
        "      celery -A proj worker\n"
    )

    findings = analysed(tmp_path, "compose.yml", text)

    assert rows(findings) == [
        (2, 3, "env.connection"),
        (7, 9, "command.worker"),
        (12, 19, "env.unused"),
        (14, 7, "command.worker"),
        (19, 7, "command.control"),
        (20, 7, "command.worker"),
    ]


def test_a_yaml_template_is_read_line_by_line(tmp_path: Path) -> None:
    text = (
        "env:\n{{- range .env }}\n  - name: x\n{{- end }}\nCELERY_BROKER_URL: {{ .url }}\ncommand: celery -A a worker\n"
    )

    assert rows(analysed(tmp_path, "templates/worker.yaml", text)) == [
        (5, 1, "env.connection"),
        (6, 10, "command.worker"),
    ]


def test_names_in_other_yaml_are_no_commands(tmp_path: Path) -> None:
    assert analysed(tmp_path, "dependabot.yml", 'updates:\n  - patterns: ["flower"]\n    note: celery\n') == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("requirements/base.txt", "-r o.txt\n# celery\nCelery[redis]==5.4  # x\n", [(3, 1, "requirement.celery")]),
        ("requirements-dev.in", "pytest-celery>=1 \\\n    --hash=sha256:0\n", [(1, 1, "requirement.extension")]),
        ("requirements.txt", "redis\nflower\n", []),
        ("requirements.txt", "celery-of-the-garden @ https://x.example\n", [(1, 1, "requirement.extension")]),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3.11"\ncelery = {extras = ["redis"], version = "^5"}\n'
            '[tool.celery]\nredis = "5"\n',
            [(3, 1, "requirement.celery")],
        ),
        ("pyproject.toml", '[dependency-groups]\nrun = ["celery>=5", "redis"]\n', [
            (2, 9, "requirement.celery"), (2, 22, "requirement.unneeded")]),
        ("Pipfile", '[packages]\ncelery = "*"\nkombu = "*"\n', [
            (2, 1, "requirement.celery"), (3, 1, "requirement.unneeded")]),
        ("setup.cfg", "[options]\ninstall_requires =\n    celery>=5\n    requests\n", [(3, 5, "requirement.celery")]),
        ("setup.py", "from setuptools import setup\nsetup(install_requires=['celery>=4', 'x'])\n", [
            (2, 25, "requirement.celery")]),
        ("environment.yml", "dependencies:\n  - python=3.12\n  - celery=5.4\n  - pip:\n    - flower==2\n", [
            (3, 5, "requirement.celery"), (5, 7, "requirement.unneeded")]),
    ],
)  # fmt: skip
def test_requirements_are_found_in_every_form(
    name: str, text: str, expected: list[tuple[int, int, str]], tmp_path: Path
) -> None:
    assert rows(analysed(tmp_path, name, text)) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [("Celery[redis]>=5", "celery"), ("django_celery.beat", "django-celery-beat"), ("celery -A x", ""), ("", "")],
)
def test_the_name_of_a_requirement_is_normalised(text: str, name: str) -> None:
    assert requirement_name(text) == name


def test_variables_are_sorted_by_what_becomes_of_them(tmp_path: Path) -> None:
    findings = analysed(
        tmp_path,
        ".env.example",
        "export CELERY_BROKER_URL=redis://\nCELERY_WORKER_QUEUE=a\n#CELERY_A=1\nCELERY_B=1\nX=1\n",
    )

    assert rows(findings) == [(1, 8, "env.connection"), (2, 1, "env.honoured"), (4, 1, "env.unused")]
