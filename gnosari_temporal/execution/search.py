"""Search attributes of the engine as Temporal's typed ones."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from ..errors import DefinitionError
from ..routing import SEARCH_ATTRIBUTES


def keyword(name: str) -> SearchAttributeKey[str]:
    """The key of a search attribute of the engine; all are Keywords."""
    return SearchAttributeKey.for_keyword(name)


def typed_attributes(values: Mapping[str, str]) -> TypedSearchAttributes:
    """Search attributes for a start; empty values are left out.

    Raises:
        DefinitionError: a message names an attribute that is not one of the engine's.
    """
    unknown = sorted(set(values) - set(SEARCH_ATTRIBUTES))
    if unknown:
        raise DefinitionError(
            f"job_attributes() names {', '.join(unknown)}; the engine has {', '.join(SEARCH_ATTRIBUTES)}"
        )
    return TypedSearchAttributes([SearchAttributePair(keyword(name), value) for name, value in values.items() if value])
