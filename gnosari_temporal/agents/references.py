"""The reference: one part of a team file named by another, by name or id."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..yamldoc import Location, Problems, did_you_mean, shown

_MOST_NAMES_SHOWN = 12


class References:
    """What a team file defines of one kind, under every name by which the file may refer to it."""

    def __init__(self, kind: str, problems: Problems) -> None:
        self.kind = kind
        self.places: dict[str, Location] = {}
        """Where each definition stands, by its key."""
        self._problems = problems
        self._exact: dict[str, str] = {}
        self._loose: dict[str, list[str]] = {}

    def define(
        self, key: str, location: Location, *, exact: Iterable[str | None] = (), loose: Iterable[str] = ()
    ) -> bool:
        """Note a definition; False, with a problem noted, if its key or an ``exact`` name is taken.

        ``exact`` names are one definition's alone; ``loose`` ones may be shared, but then nobody can refer by them.
        """
        names = list(dict.fromkeys(name for name in (key, *exact) if name))
        for name in names:
            other = self._exact.get(name)
            if other is not None:
                line = self._problems.document.mark(self.places[other]).line
                self._problems.add(
                    location, f"the {self.kind} in line {line} is called {name!r} too: give each its own id"
                )
                return False
        self.places[key] = location
        for name in names:
            self._exact[name] = key
        for name in loose:
            self._loose.setdefault(name, []).append(key)
        return True

    def find(self, reference: str, location: Location, *, builtin: Collection[str] = ()) -> str | None:
        """The key that a reference means, or the builtin's name; None, with a problem noted, if it means nothing."""
        key = self._exact.get(reference)
        if key is not None:
            return key
        keys = self._loose.get(reference, [])
        if len(keys) == 1:
            return keys[0]
        if keys:
            self._problems.add(location, f"{shown(reference)} is the name of several: write {self._list(keys)}")
        elif reference in builtin:
            return reference
        else:
            known = [*self._exact, *self._loose]
            has = f"the team has {self._list(self.places)}" if self.places else f"the team has no {self.kind}"
            hint = did_you_mean(reference, [*known, *builtin])
            also = f", builtin are {', '.join(sorted(builtin))}" if builtin and not hint else ""
            self._problems.add(location, f"there is no {self.kind} {shown(reference)}{hint} ({has}{also})")
        return None

    @staticmethod
    def _list(names: Collection[str]) -> str:
        shown_names = [repr(name) for name in list(names)[:_MOST_NAMES_SHOWN]]
        return ", ".join(shown_names) + (" …" if len(names) > _MOST_NAMES_SHOWN else "")
