"""The operator's guide says what is true."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from gnosari_temporal import JobState, Settings
from gnosari_temporal.cli.main import COMMANDS, cli
from gnosari_temporal.retry import LOST_ATTEMPTS_ALLOWED
from gnosari_temporal.worker.logfile import FILES_KEPT, MOST_BYTES

GUIDE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"gnosari ((?:[a-z]+ ?)+)((?:[^`#\n]*?))(?=`|#|$)", re.MULTILINE)


def test_the_settings_of_the_guide_can_be_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "gnosari.toml").write_text(block)
    settings = Settings.load(tmp_path, environ={})
    assert settings.limits["mail"].per_fairness_key == 2
    assert [lane.name for lane in settings.lanes] == ["express"]


def test_every_state_is_explained() -> None:
    table = GUIDE.partition("| state |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| ([A-Z_]+) \|", table, re.MULTILINE) == [state.value for state in JobState]


def test_numbers_are_those_of_the_program() -> None:
    assert f"Over {MOST_BYTES // 2**20} MB" in GUIDE
    assert f"the newest {FILES_KEPT} logs" in GUIDE
    assert LOST_ATTEMPTS_ALLOWED == 5
    assert "has lost five attempts" in GUIDE


@pytest.mark.parametrize("line", sorted({match[0].strip() for match in COMMAND.finditer(GUIDE)}))
def test_every_command_and_option_exists(line: str) -> None:
    command: click.Command = cli
    words = line.split()[1:]
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            break
        command, words = found, words[1:]
    assert command is not cli, COMMANDS.keys()
    if isinstance(command, click.Group) and words and words[0].startswith("-"):
        command = command.commands["start"]  # `gnosari worker` alone is `gnosari worker start`
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= known
