"""The optional packages of tools: imported at use; when one is missing the error names the extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ToolDefinitionError


@contextmanager
def needs_extra(tool: str, extra: str = "tools") -> Iterator[None]:
    """Turn a failed import in the block into an error that says what to install.

    Raises:
        ToolDefinitionError: a package of the extra is not installed.
    """
    try:
        yield
    except ImportError as error:
        missing = (error.name or str(error)).partition(".")[0]
        raise ToolDefinitionError(
            f"{tool} needs the package {missing!r}, which is not installed: pip install 'gnosari-temporal[{extra}]'"
        ) from error
