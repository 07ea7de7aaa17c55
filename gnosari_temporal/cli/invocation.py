"""The invocation: what the global options say, and the settings that follow from them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..settings import Settings


@dataclass
class Invocation:
    """One run of the command."""

    project: Path | None = None
    """``--project``."""
    debug: bool = False
    """``--debug``: errors with their traces, logs in full."""
    from_dotenv: tuple[str, ...] = field(default=(), init=False)
    """Variables that the project's ``.env`` added to the environment."""
    _dotenv_applied: bool = field(default=False, init=False)

    @cached_property
    def project_dir(self) -> Path:
        """The project's directory.

        Raises:
            SettingsError: it is not there.
        """
        from ..settings import project_directory

        return project_directory(self.project)

    def settings(self, **overrides: Any) -> Settings:
        """The project's settings; ``overrides`` are options of the command line, None where not given.

        The first call puts the project's ``.env`` into the environment.

        Raises:
            SettingsError: a value cannot work.
        """
        from ..settings import Settings, apply_dotenv

        if not self._dotenv_applied:
            self.from_dotenv = apply_dotenv(self.project_dir)
            self._dotenv_applied = True
        return Settings.load(self.project_dir, **overrides)

    def command(self, *arguments: str) -> list[str]:
        """The command of another process of this project, with the same global options."""
        own = ["--project", str(self.project_dir), *(["--debug"] if self.debug else [])]
        return [sys.executable, "-m", "gnosari_temporal.cli", *own, *arguments]


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
"""Gives the invocation to a command as its first argument."""
