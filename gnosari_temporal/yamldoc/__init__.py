"""YAML files whose errors say where they are: every key and value keeps its line and column."""

from __future__ import annotations

from .document import Location, Mark, YamlDocument, load_yaml, parse_yaml
from .fields import ListOfText, LooseText, Name, Number, Section, Whole
from .prepare import drop_keys, drop_nulls, expand_values
from .problems import Problems, choices, did_you_mean, shown
from .validation import fields_of, validate

__all__ = [
    "ListOfText",
    "Location",
    "LooseText",
    "Mark",
    "Name",
    "Number",
    "Problems",
    "Section",
    "Whole",
    "YamlDocument",
    "choices",
    "did_you_mean",
    "drop_keys",
    "drop_nulls",
    "expand_values",
    "fields_of",
    "load_yaml",
    "parse_yaml",
    "shown",
    "validate",
]
