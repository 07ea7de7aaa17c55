"""The YAML document: plain data, with the line and column of every key and value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.constructor import SafeConstructor

from ..errors import TeamError

Location = tuple[str | int, ...]
"""Keys and list positions that lead to a value: ``("agents", 0, "name")``."""

LARGEST_FILE = 1024 * 1024
"""Bytes of a file that is read at all."""
_MOST_VALUES = 50_000
_DEEPEST = 64

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_SCALARS = frozenset({f"{_TAG}null", f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float"})
_TEXTS = frozenset({f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class YamlDocument:
    """A YAML file as plain data (dict, list, str, int, float, bool, None), and where it stands."""

    name: str
    """The file's name, as errors show it."""
    text: str
    data: Any
    values: Mapping[Location, Mark] = field(repr=False)
    keys: Mapping[Location, Mark] = field(repr=False)

    def mark(self, location: Location) -> Mark:
        """Where a location's key stands, or a list's item; if it is not there, its nearest parent."""
        for length in range(len(location), 0, -1):
            part = location[:length]
            found = self.keys.get(part) or self.values.get(part)
            if found:
                return found
        return self.values.get((), Mark(1, 1))

    def where(self, location: Location) -> str:
        """``file:line`` of a location."""
        return f"{self.name}:{self.mark(location).line}"

    def written(self, location: Location) -> Any:
        """The value that the file has at a location; None where it has none."""
        value = self.data
        for part in location:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def load_yaml(path: Path | str) -> YamlDocument:
    """Read a YAML file.

    Raises:
        TeamError: there is no such file, it cannot be read, or it is no YAML that JSON could hold as well.
    """
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _refusal(f"{name}: there is no such file") from None
    except OSError as error:
        raise _refusal(f"{name}: cannot be read: {error.strerror or error}") from None
    if len(raw) > LARGEST_FILE:
        raise _refusal(f"{name}: is larger than {LARGEST_FILE // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refusal(f"{name}:{line}: is not UTF-8 text: byte 0x{raw[error.start]:02x}") from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str = "<text>") -> YamlDocument:
    """Make a document of YAML text; ``name`` stands for the file in errors.

    Aliases and merge keys work. Keys are text, each at most once in a mapping; dates are kept as text;
    numbers that JSON lacks (``.nan``) and tags of Python objects are refused.

    Raises:
        TeamError: with one problem for a syntax error, else with every duplicate key and refused value.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _refusal(_syntax(error, name)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refusal(f"{name}:{line}: is not valid YAML: character U+{error.character:04X} is not allowed") from None
    except RecursionError:
        raise _refusal(f"{name}:1: is nested too deeply") from None
    if node is None:
        return YamlDocument(name, text, None, {}, {})
    reader = _Reader(name)
    data = reader.value(node, ())
    if reader.problems:
        raise TeamError(problems=tuple(line for _, line in sorted(reader.problems)))
    return YamlDocument(name, text, data, reader.values, reader.keys)


class _Reader:
    """Turns one tree of nodes into data, collecting marks and problems."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[Location, Mark] = {}
        self.keys: dict[Location, Mark] = {}
        self.problems: list[tuple[int, str]] = []
        self._open: set[int] = set()
        self._scalars = SafeConstructor()

    def value(self, node: yaml.Node, location: Location) -> Any:
        self.values[location] = _mark(node)
        if len(self.values) > _MOST_VALUES:
            self._stop(node, f"has more than {_MOST_VALUES} values, aliases counted where they are used")
        if len(location) > _DEEPEST:
            self._stop(node, "is nested too deeply")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self._stop(node, "has an alias that contains itself")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
                return self._mapping(node, location)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
                return [self.value(item, (*location, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))
        return self._refuse(node, f"tag {_short(node.tag)} is not supported: write plain YAML")

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        first: dict[str, int] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged.append(value_node)
                continue
            key = self._key(key_node)
            if key is None:
                continue
            if key in first:
                self._refuse(key_node, f"key {key!r} is already in line {first[key]}; keep one of them")
                continue
            first[key] = _mark(key_node).line
            here = (*location, key)
            self.keys[here] = _mark(key_node)
            data[key] = self.value(value_node, here)
        for value_node in merged:
            self._merge(value_node, location, data)
        return data

    def _merge(self, node: yaml.Node, location: Location, data: dict[str, Any]) -> None:
        """Add what a ``<<`` key brings in; keys that are there already win, as YAML's merge type says."""
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                self._refuse(source, "'<<' takes a mapping or a list of mappings, as in '<<: *defaults'")
                continue
            if id(source) in self._open:
                self._stop(source, "has an alias that contains itself")
            self._open.add(id(source))
            nested = [value for key, value in source.value if key.tag == _MERGE]
            for key_node, value_node in source.value:
                key = None if key_node.tag == _MERGE else self._key(key_node)
                if key is not None and key not in data:
                    self.keys[(*location, key)] = _mark(key_node)
                    data[key] = self.value(value_node, (*location, key))
            for inner in nested:
                self._merge(inner, location, data)
            self._open.discard(id(source))

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, "a key is text, not a list or mapping")
            return None
        if node.tag not in _TEXTS:
            self._refuse(node, f"key {node.value or 'null'} is no text in YAML: write it in quotes")
            return None
        return self._text(node)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag in _TEXTS:
            return self._text(node)
        if node.tag not in _SCALARS:
            return self._refuse(node, f"tag {_short(node.tag)} is not supported: write plain YAML")
        try:
            value = self._scalars.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            return self._refuse(node, f"{_cut(node.value)} is no {_short(node.tag)} in YAML")
        if isinstance(value, float) and not math.isfinite(value):
            return self._refuse(node, f"{node.value} is no number that JSON has: write it in quotes for text")
        return value

    def _text(self, node: yaml.ScalarNode) -> str:
        text = str(node.value)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self._refuse(node, f"{ascii(text)[:40]} has half of a surrogate pair, which is no character")
            return ""
        return text

    def _refuse(self, node: yaml.Node, text: str) -> None:
        line = _mark(node).line
        self.problems.append((line, f"{self.name}:{line}: {text}"))

    def _stop(self, node: yaml.Node, text: str) -> NoReturn:
        raise _refusal(f"{self.name}:{_mark(node).line}: {text}")


def _mark(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def _syntax(error: yaml.MarkedYAMLError, name: str) -> str:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    parts = [part for part in _reasons(error) if part]
    return f"{name}:{line}: is not valid YAML: {'; '.join(parts)}"


def _reasons(error: yaml.MarkedYAMLError) -> Iterator[str]:
    yield " ".join(str(error.problem or "").split())
    if error.context:
        since = f" from line {error.context_mark.line + 1}" if error.context_mark else ""
        yield " ".join(str(error.context).split()) + since
    if "'\\t'" in str(error.problem):
        yield "indent with spaces, not tabs"


def _refusal(problem: str) -> TeamError:
    return TeamError(problems=(problem,))


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag


def _cut(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
