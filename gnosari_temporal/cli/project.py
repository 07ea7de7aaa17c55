"""The project as the command line needs it: its data folder, and it loaded with its prints out of the results' way."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ProjectError

if TYPE_CHECKING:
    from ..settings import Settings
    from ..worker import Application


DATA_FOLDER = ".gnosari"


def data_folder(project_dir: Path) -> Path:
    """The folder of what is no source: the database, pid files and logs. Made if it is missing, and ignored by git.

    Raises:
        OSError: it cannot be made.
    """
    folder = project_dir / DATA_FOLDER
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def load(settings: Settings) -> Application:
    """The project's application. What its modules print while they are imported goes to stderr.

    Raises:
        ProjectError: it holds nothing, or cannot be imported.
        RegistryError: two of its parts have the same name.
    """
    from ..worker.project import load_project, project_is_empty

    with contextlib.redirect_stdout(sys.stderr):
        application = load_project(settings)
    if project_is_empty(application) and not application.registry.message_types:
        folders = f"{settings.workflows_folder}/ and {settings.activities_folder}/"
        raise ProjectError(
            f"no messages, workflows or consumers in {folders} of {settings.project_dir}: go to the project's "
            "directory, name it with --project, or write one with `gnosari init DIR`"
        )
    return application
