"""``gnosari completion``: the script that lets a shell complete commands, options and message types."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from . import output
from .exits import ExitCode
from .invocation import Invocation

if TYPE_CHECKING:
    from ..worker import Application

_VARIABLE = "_GNOSARI_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the script of shell completion.

    \b
    bash:  eval "$(gnosari completion bash)"        in ~/.bashrc
    zsh:   eval "$(gnosari completion zsh)"         in ~/.zshrc
    fish:  gnosari completion fish | source         in ~/.config/fish/config.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    root = ctx.find_root()
    complete = found(root.command, {}, root.info_name or "gnosari", _VARIABLE)
    with contextlib.redirect_stderr(io.StringIO()):  # a bash that is too old says so when it completes
        script = complete.source()
    output.result(script)
    return ExitCode.OK


def message_types(ctx: click.Context) -> list[tuple[str, str]]:
    """Names of the project's message types with the first line of their documentation; none on any error."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            application = _application(ctx)
        except Exception:  # noqa: BLE001  a shell that completes shows no errors
            return []
    types = sorted(application.registry.message_types.items())
    return [(name, (kind.__doc__ or "").strip().split("\n")[0]) for name, kind in types]


def _application(ctx: click.Context) -> Application:
    from .project import load

    return load(ctx.ensure_object(Invocation).settings())
