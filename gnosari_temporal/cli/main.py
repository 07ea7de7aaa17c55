"""The command group ``gnosari`` and its entry point.

A command is a row of ``COMMANDS``; its module is imported when it runs, so that ``gnosari --help`` stays quick.
"""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

import click
from click.shell_completion import CompletionItem

from .. import __version__
from . import output
from .exits import ExitCode, exit_code_of, leave
from .invocation import Invocation
from .params import SettingOption


class Entry(NamedTuple):
    """One command of the table."""

    target: str
    """``module:object``; the module is imported when the command runs."""
    summary: str
    """What ``gnosari --help`` says of it: the first line of the command's own help."""


COMMANDS: dict[str, Entry] = {
    "up": Entry("gnosari_temporal.cli.up:up", "Run a Temporal server and the project's worker, here and now."),
    "server": Entry("gnosari_temporal.cli.server:server", "Run the embedded Temporal server alone."),
    "worker": Entry("gnosari_temporal.cli.worker:worker", "Run the project's worker."),
    "run": Entry("gnosari_temporal.cli.run:run", "Run a team on a message."),
    "team": Entry("gnosari_temporal.cli.team:team", "Check team files and draw them."),
    "tool": Entry("gnosari_temporal.cli.tool:tool", "Call the tools of a team file, and get their results."),
    "send": Entry("gnosari_temporal.cli.send:send", "Send a message: it becomes a job."),
    "job": Entry("gnosari_temporal.cli.job:job", "Look at jobs, wait for them, cancel and answer them."),
    "batch": Entry("gnosari_temporal.cli.batch:batch", "Look at batches, print their results and cancel them."),
    "schedule": Entry("gnosari_temporal.cli.schedule:schedule", "Send messages again and again, by cron or interval."),
    "queue": Entry("gnosari_temporal.cli.queue:queue", "Look at queues."),
    "flower": Entry(
        "gnosari_temporal.cli.flower:flower",
        "Print the address of the Temporal Web UI, which shows what Flower showed.",
    ),
    "doctor": Entry("gnosari_temporal.cli.doctor:doctor", "Check server, workers and settings, and name remedies."),
    "demo": Entry("gnosari_temporal.cli.demo:demo", "Show everything in one go on a server of its own."),
    "init": Entry(
        "gnosari_temporal.cli.init:init",
        "Write a new project with examples of messages, workflows, consumers and tests.",
    ),
    "migrate": Entry("gnosari_temporal.cli.migrate:migrate", "Read a Celery code base and say what runs here."),
    "completion": Entry("gnosari_temporal.cli.completion:completion", "Print the script of shell completion."),
}
"""Every command, in the order of ``gnosari --help``."""


class Commands(click.Group):
    """The group of ``COMMANDS``: knows their names and summaries without importing them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``gnosari --config TEAM.yaml --message M`` is ``gnosari run``, as users of Gnosari type it."""
        if args and args[0].startswith("-") and any(arg.split("=")[0] == "--config" for arg in args):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].target.partition(":")
        command: click.Command = getattr(import_module(module), name)
        _accept_global_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, or an error that names the closest."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a reader that has gone (``| head``) is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  what is left in the buffer has no reader
            raise click.exceptions.Exit(ExitCode.BROKEN_PIPE) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands, and the options of the group."""
        names = [
            CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _set_project(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).project = value


def _set_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).debug = True


def _global_options(*, hidden: bool = False) -> tuple[click.Option, ...]:
    return (
        SettingOption(
            ["--project"],
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Directory of the project.",
            variable="GNOSARI_PROJECT",
            shown_default="the current directory",
            expose_value=False,
            is_eager=True,
            hidden=hidden,
            callback=_set_project,
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            help="Show the trace of an error, and logs in full.",
            expose_value=False,
            is_eager=True,
            hidden=hidden,
            callback=_set_debug,
        ),
    )


def _accept_global_options(command: click.Command) -> None:
    """Let ``--project`` and ``--debug`` stand behind the command too, where it has no such option itself."""
    taken = {name for param in command.params for name in param.opts}
    command.params += [option for option in _global_options(hidden=True) if not taken.intersection(option.opts)]
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _accept_global_options(subcommand)


@click.command(
    cls=Commands,
    name="gnosari",
    params=list(_global_options()),
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "The server is told by TEMPORAL_ADDRESS (default 127.0.0.1:7233), TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and "
        "Temporal's profiles. Exit codes: 0 ok, 1 the job failed, 2 usage or bad input, 3 server unreachable, "
        "4 not found or timed out."
    ),
)
@click.version_option(__version__, prog_name="gnosari", message="%(prog)s %(version)s")
def cli() -> None:
    """Messages, consumers and agent teams as durable Temporal workflows.

    Start with `gnosari up` in a project's directory; `gnosari init DIR` writes a project.
    """


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit code."""
    leave(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code. Errors are one line on stderr."""
    invocation = Invocation()
    try:
        code = cli.main(args=argv, prog_name="gnosari", standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else ExitCode.OK
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return ExitCode.USAGE
    except click.ClickException as error:
        output.error(_in_one_line(error))
        return ExitCode.USAGE
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else ExitCode.OK
    except (KeyboardInterrupt, click.Abort):
        output.chatter("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last line of defence: one line for whatever it is
        return _explain(error, debug=invocation.debug)


def _in_one_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{text} (see `{context.command_path} --help`)" if context else text


def _explain(error: BaseException, *, debug: bool) -> int:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if debug:
        traceback.print_exception(error)
    code = exit_code_of(error)
    text = str(error) or type(error).__name__
    if code is ExitCode.INTERNAL:
        text = f"{type(error).__name__}: {' '.join(text.split())}"
        text += "" if debug else " (unexpected: --debug shows the trace)"
    output.error(text)
    return code
