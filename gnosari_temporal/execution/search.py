"""Search attributes of the engine as Temporal's typed ones."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from ..errors import DefinitionError
from ..messages import SUMMARY_LENGTH, shorten
from ..routing import QUEUE, SEARCH_ATTRIBUTES, SUMMARY


def keyword(name: str) -> SearchAttributeKey[str]:
    """The key of a search attribute of the engine; all are Keywords."""
    return SearchAttributeKey.for_keyword(name)


def job_search(
    *, searchable: bool, queue: str, summary: str | None, more: Mapping[str, str] | None = None
) -> TypedSearchAttributes:
    """What a job is found by, for its start: its queue, its summary, and ``more``; empty values are left out.

    The summary is there a second time, beside the one of the start: the server's lists, and with them the Web UI's,
    show search attributes alone. It is shortened to what every visibility store takes (255 characters).

    Raises:
        DefinitionError: a message names an attribute that is not one of the engine's.
    """
    if not searchable:
        return TypedSearchAttributes.empty
    values = {QUEUE: queue, SUMMARY: shorten(summary or "", SUMMARY_LENGTH), **(more or {})}
    unknown = sorted(set(values) - set(SEARCH_ATTRIBUTES))
    if unknown:
        raise DefinitionError(
            f"job_attributes() names {', '.join(unknown)}; the engine has {', '.join(SEARCH_ATTRIBUTES)}"
        )
    return TypedSearchAttributes([SearchAttributePair(keyword(name), value) for name, value in values.items() if value])
