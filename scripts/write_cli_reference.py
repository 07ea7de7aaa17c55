"""Write the reference in docs/cli.md from the command line itself: everything below its marker."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gnosari_temporal.cli.main import cli

PATH = Path(__file__).parent.parent / "docs" / "cli.md"
MARKER = "<!-- Below this line: written by scripts/write_cli_reference.py -->\n"


def main() -> None:
    """Write the reference; with ``--check`` end with 1 if it is not up to date."""
    text = PATH.read_text(encoding="utf-8")
    written = text[: text.index(MARKER)] + MARKER + "\n" + "\n".join(_sections(cli, "gnosari")) + "\n"
    if "--check" in sys.argv:
        sys.exit(f"{PATH.name} is not up to date: python scripts/write_cli_reference.py" if text != written else 0)
    PATH.write_text(written, encoding="utf-8")
    print(PATH)


def _sections(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[str]:
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    yield f"## {path}\n" if " " not in path else f"### {path}\n"
    if parent is None:
        yield from _options(command, context)
    elif not isinstance(command, click.Group) or command.invoke_without_command:
        yield f"`{context.command_path} {' '.join(command.collect_usage_pieces(context))}`\n"
        yield from _help(command)
        yield from _options(command, context)
    else:
        yield from _help(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            if subcommand is not None and not subcommand.hidden:
                yield from _sections(subcommand, f"{path} {name}", context)


def _help(command: click.Command) -> Iterator[str]:
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b\n"):
            yield f"```\n{paragraph[2:]}\n```\n"
        else:
            yield f"{paragraph}\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [record for param in command.params if (record := param.get_help_record(context))]
    rows = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in records if text]
    if rows:
        yield "\n".join(["| option | |", "|---|---|", *rows]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
