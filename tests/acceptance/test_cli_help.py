"""Help, version, table of commands and completion."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gnosari_temporal import __version__
from gnosari_temporal.cli.main import COMMANDS, cli

from .project import GNOSARI, Project, clean_environment


@pytest.mark.parametrize("arguments", [["--help"], ["send", "--help"], ["worker", "--help"], ["up", "--help"]])
def test_help_imports_neither_temporalio_nor_pydantic(arguments: list[str]) -> None:
    code = "import sys; from gnosari_temporal.cli.main import run; sys.exit(run(sys.argv[1:]))"

    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *arguments], capture_output=True, text=True, check=False
    )

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert ran.returncode == 0
    assert "Usage: gnosari" in ran.stdout
    assert "click" in imported
    assert not imported & {"temporalio", "pydantic", "rich", "watchfiles", "agents"}


def test_every_row_of_the_table_is_a_command_with_the_summary_that_the_table_gives() -> None:
    import click

    context = click.Context(cli)
    for name, entry in COMMANDS.items():
        command = cli.get_command(context, name)

        assert command is not None, name
        assert command.get_short_help_str(limit=200) == entry.summary


def test_each_option_over_a_setting_names_a_variable_and_default_that_the_settings_have() -> None:
    import click

    from gnosari_temporal.cli.params import SettingOption
    from gnosari_temporal.settings import ENVIRONMENT, PROJECT_VARIABLE, Settings

    worker = cli.get_command(click.Context(cli), "worker")
    assert isinstance(worker, click.Group)
    options = [param for param in worker.commands["start"].params if isinstance(param, SettingOption)]
    assert len(options) > 6
    for option in options:
        if option.variable == PROJECT_VARIABLE:
            continue
        setting = ENVIRONMENT[option.variable or ""]
        default = Settings.model_fields[setting].default
        if option.shown_default.isdigit() or setting in ("loglevel", "grace"):
            assert option.shown_default == Settings(**{setting: default}).model_dump(mode="json")[setting] or (
                int(option.shown_default) == default
            )


def test_the_version_is_printed_alone() -> None:
    ran = subprocess.run([GNOSARI, "--version"], capture_output=True, text=True, check=True)

    assert ran.stdout == f"gnosari {__version__}\n"


def test_a_mistyped_command_is_one_line_with_the_closest_name() -> None:
    ran = subprocess.run([GNOSARI, "wroker"], capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "did you mean 'worker'?" in ran.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(shell: str) -> None:
    ran = subprocess.run([GNOSARI, "completion", shell], capture_output=True, text=True, check=True)

    assert f"_GNOSARI_COMPLETE={shell}_complete" in ran.stdout
    assert ran.stderr == ""


def test_message_types_of_the_project_are_completed(project: Project) -> None:
    completed = project.run(_GNOSARI_COMPLETE="bash_complete", COMP_WORDS="gnosari send My", COMP_CWORD="2")

    assert completed.returncode == 0
    assert completed.stdout.splitlines() == ["plain,MyFeatureMessage"]


def test_a_directory_without_a_project_completes_nothing_and_says_nothing(tmp_path: object) -> None:
    environ = clean_environment(
        {"_GNOSARI_COMPLETE": "bash_complete", "COMP_WORDS": "gnosari send My", "COMP_CWORD": "2"}
    )

    ran = subprocess.run([GNOSARI], cwd=str(tmp_path), env=environ, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout.strip(), ran.stderr) == (0, "", "")
