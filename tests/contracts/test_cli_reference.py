"""docs/cli.md says what the command line has, and what the settings read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gnosari_temporal.cli.exits import ExitCode
from gnosari_temporal.settings import CELERY_FALLBACKS, ENVIRONMENT, PROJECT_VARIABLE

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "cli.md"


def test_the_reference_is_that_of_the_command_line() -> None:
    script = REPOSITORY / "scripts" / "write_cli_reference.py"

    ran = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_exit_code_and_variable_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")

    missing = [code.name for code in ExitCode if f"| {int(code)} | {code.name} |" not in page]
    missing += [name for name in (PROJECT_VARIABLE, *ENVIRONMENT, *CELERY_FALLBACKS) if f"`{name}`" not in page]

    assert missing == []
