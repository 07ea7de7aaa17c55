"""One row of the table of constructs."""

from __future__ import annotations

from dataclasses import dataclass

from ..findings import Verdict


@dataclass(frozen=True)
class Rule:
    """A Celery construct and what becomes of it.

    ``matches`` says in Markdown what the construct looks like. ``keys`` are what the analysis looks it up by:
    ``name:`` a dotted name of Celery's, ``app.`` ``task.`` ``signature.`` … a member of such an object,
    ``option:`` an argument of a call, ``setting:`` a setting by its new name, ``command:`` a subcommand; a key that
    ends in ``*`` stands for everything that begins with it and has no closer key. A rule without keys depends on
    more than a name (a value, a place), and the analysis names it.
    """

    id: str
    matches: str
    verdict: Verdict
    text: str
    remedy: str = ""
    keys: tuple[str, ...] = ()


def as_is(id: str, matches: str, text: str, *keys: str, remedy: str = "") -> Rule:
    return Rule(id, matches, Verdict.AS_IS, text, remedy, keys)


def changed_import(id: str, matches: str, text: str, remedy: str, *keys: str) -> Rule:
    return Rule(id, matches, Verdict.CHANGED_IMPORT, text, remedy, keys)


def does_not_run(id: str, matches: str, text: str, remedy: str, *keys: str) -> Rule:
    return Rule(id, matches, Verdict.DOES_NOT_RUN, text, remedy, keys)
