"""The allow list: which tool classes this worker may import, decided before anything is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import ToolDefinitionError, ToolNotAllowed
from .arguments import shown

BUILTIN_PACKAGE = "gnosari_temporal.tools.builtin"

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_CLASS = re.compile(r"[A-Za-z]\w*", re.ASCII)


@dataclass(frozen=True)
class _Entry:
    module: str
    below: bool
    """Whether modules below ``module`` are meant too."""
    class_name: str | None

    def covers(self, module: str) -> bool:
        return module == self.module or (self.below and module.startswith(self.module + "."))


class AllowedTools:
    """What a worker may import as a tool.

    ``gnosari_temporal.tools.builtin`` and what is below it always; beside it the ``entries``:

    - ``my_tools.search`` every tool of this module
    - ``my_tools.*``      every tool of this package and below
    - ``my_tools:Search`` this one class

    Raises:
        ToolDefinitionError: an entry is none of these.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = tuple(dict.fromkeys(entries))
        self._parsed = (_Entry(BUILTIN_PACKAGE, True, None), *map(_parse, self.entries))

    def plus(self, entries: Iterable[str]) -> AllowedTools:
        """The same list with more entries, as those that a team file names (``module:Class``)."""
        return AllowedTools((*self.entries, *entries))

    def permits(self, module: str, class_name: str) -> bool:
        """Whether the class may be imported from the module; nothing is imported to find out."""
        if not _MODULE.fullmatch(module) or not _CLASS.fullmatch(class_name):
            return False
        return any(entry.covers(module) and entry.class_name in (None, class_name) for entry in self._parsed)

    def check(self, module: str, class_name: str, *, also: str | None = None) -> None:
        """Refuse what is not on the list. ``also`` is a second name of the same module.

        Raises:
            ToolNotAllowed: neither name is allowed; the message says how to allow it.
        """
        if self.permits(module, class_name) or (also is not None and self.permits(also, class_name)):
            return
        wanted = f"{shown(module)[1:-1]}:{shown(class_name)[1:-1]}"
        raise ToolNotAllowed(
            f"tool {wanted} is not allowed on this worker and was not imported; allow it with "
            f'[tools] allow = ["{wanted}"] in gnosari.toml, or start the worker with a team file that names '
            "it: gnosari worker --team FILE"
        )

    def check_class(self, found: type, module: str) -> None:
        """Refuse a class that an allowed module merely imported from somewhere else.

        An entry that names the class itself allows it wherever it was defined.

        Raises:
            ToolNotAllowed: the class was defined outside the module's own top package and the allow list.
        """
        origin = str(getattr(found, "__module__", ""))
        if origin.partition(".")[0] == module.partition(".")[0] or self.permits(origin, found.__name__):
            return
        if any(entry.covers(module) and entry.class_name == found.__name__ for entry in self._parsed):
            return
        raise ToolNotAllowed(
            f"{module}:{found.__name__} is allowed by its module only, but the class comes from {origin}; "
            f'allow it by name: [tools] allow = ["{module}:{found.__name__}"] in gnosari.toml'
        )

    def __repr__(self) -> str:
        return f"AllowedTools({list(self.entries)!r})"


def _parse(entry: Any) -> _Entry:
    text = entry if isinstance(entry, str) else ""
    module, colon, class_name = text.partition(":")
    below = module.endswith(".*")
    module = module.removesuffix(".*")
    well_formed = _MODULE.fullmatch(module) and (not colon or _CLASS.fullmatch(class_name))
    if not well_formed or (below and colon):
        raise ToolDefinitionError(
            f"{shown(entry)} in the list of allowed tools is no module; write package.module, package.*, or "
            "package.module:Class"
        )
    return _Entry(module, below, class_name or None)
