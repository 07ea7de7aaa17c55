"""``gnosari init``: a new project."""

from __future__ import annotations

from pathlib import Path

import click

from .output import chatter, result, result_json
from .params import json_option
from .scaffold import write_project


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Add the files that are missing to a directory that is not empty.")
@json_option
def init(directory: Path, force: bool, as_json: bool) -> None:
    """Write a new project with examples of messages, workflows, consumers and tests.

    DIR is made if it is not there; a file that is there is never changed.
    """
    written = write_project(directory, force=force)
    if as_json:
        result_json({"directory": str(written.directory), "created": written.created, "kept": written.kept})
        return
    for name in written.created:
        result(name)
    for name in written.kept:
        chatter(f"kept {name}")
    if not written.created:
        chatter(f"Nothing was missing in {written.directory}.")
        return
    enter = "" if written.directory == Path.cwd() else f"cd {directory}\n  "
    chatter(f"\nA project is ready in {written.directory}. Next:\n\n  {enter}gnosari up")
