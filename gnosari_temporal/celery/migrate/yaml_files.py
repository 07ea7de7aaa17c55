"""YAML of Compose, Kubernetes and CI: command lines, environment variables, requirements in it."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from .commands import command_of_words, commands_in
from .deployment import is_variable, record_variable
from .recorder import Recorder
from .requirements import Requirement, requirement_name
from .sources import Source


def scan_yaml(source: Source, recorder: Recorder) -> list[Requirement]:
    """Records what a YAML file has of Celery's; gives the requirements of a conda environment in it.

    A file that is no YAML (a template) is looked through line by line.
    """
    if "celery" not in source.text.lower() and "flower" not in source.text.lower():
        return []
    try:
        documents = list(yaml.compose_all(source.text, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        _scan_lines(source, recorder)
        return []
    scanner = _Scanner(source, recorder)
    for document in documents:
        if document is not None:
            scanner.scan(document)
    return scanner.requirements


def _scan_lines(source: Source, recorder: Recorder) -> None:
    for number, text in enumerate(source.text.split("\n"), 1):
        stripped = text.strip().removeprefix("- ")
        key, colon, value = stripped.partition(":")
        if colon and is_variable(key.strip()):
            record_variable(recorder, source.name, number, text.index(key.strip()) + 1, key.strip())
        for command in commands_in(value if colon and " " not in key else stripped):
            column = text.find("celery") + 1
            recorder.command(source.name, number, max(column, 1), command)


class _Scanner:
    def __init__(self, source: Source, recorder: Recorder) -> None:
        self._source = source
        self._recorder = recorder
        self._lines = source.text.split("\n")
        self._placed: set[tuple[int, int]] = set()
        self.requirements: list[Requirement] = []

    def scan(self, root: yaml.Node) -> None:
        waiting, seen = [root], set[int]()
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                waiting.extend(self._mapping(node, seen))
            elif isinstance(node, yaml.SequenceNode):
                waiting.extend(self._sequence(node))
            elif isinstance(node, yaml.ScalarNode):
                self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, seen: set[int]) -> Iterator[yaml.Node]:
        entries = {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        name = entries.get("name")
        if isinstance(name, yaml.ScalarNode) and {"value", "valueFrom"} & entries.keys() and is_variable(name.value):
            self._variable(name, name.value)
        command, arguments = entries.get("command"), entries.get("args")
        both = [part for part in (command, arguments) if isinstance(part, yaml.SequenceNode)]
        if len(both) == 2 and self._words([item for part in both for item in part.value]):
            seen.update(id(part) for part in both)
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and is_variable(str(key.value)):
                self._variable(key, str(key.value))
            elif isinstance(key, yaml.ScalarNode) and key.value == "dependencies":
                self._dependencies(value)
            yield value

    def _sequence(self, node: yaml.SequenceNode) -> Iterator[yaml.Node]:
        if node.value and all(isinstance(item, yaml.ScalarNode) for item in node.value) and self._words(node.value):
            return
        yield from node.value

    def _words(self, nodes: list[yaml.Node]) -> bool:
        """A command as a list of words; it stands where its program is named."""
        words = [str(node.value) for node in nodes]
        command = command_of_words(words)
        if command is None:
            return False
        place = next((node for node in nodes if str(node.value).rsplit("/", 1)[-1].startswith("celery")), nodes[0])
        mark = place.start_mark
        self._recorder.command(self._source.name, mark.line + 1, mark.column + 1, command)
        return True

    def _scalar(self, node: yaml.ScalarNode) -> None:
        text = str(node.value)
        name, equals, _ = text.partition("=")
        if equals and is_variable(name.strip()):
            self._variable(node, name.strip())
            return
        folded = node.style == ">" or (node.style is None and node.start_mark.line != node.end_mark.line)
        for part in [text] if folded else text.replace("\\\n", "  ").split("\n"):
            for command in commands_in(part):
                line, column = self._place(node)
                self._recorder.command(self._source.name, line, column, command)

    def _place(self, node: yaml.ScalarNode) -> tuple[int, int]:
        """Where in a text the program is named that was not recorded yet."""
        for number in range(node.start_mark.line, min(node.end_mark.line + 1, len(self._lines))):
            text = self._lines[number]
            start = node.start_mark.column if number == node.start_mark.line else 0
            for program in ("celery ", "flower", "celeryd", "celerybeat"):
                column = text.find(program, start)
                if column >= 0 and (number, column) not in self._placed:
                    self._placed.add((number, column))
                    return number + 1, column + 1
        return node.start_mark.line + 1, node.start_mark.column + 1

    def _variable(self, node: yaml.ScalarNode, name: str) -> None:
        quote = 1 if node.style in ("'", '"') else 0
        record_variable(
            self._recorder, self._source.name, node.start_mark.line + 1, node.start_mark.column + 1 + quote, name
        )

    def _dependencies(self, node: yaml.Node) -> None:
        if not isinstance(node, yaml.SequenceNode):
            return
        for item in node.value:
            if isinstance(item, yaml.ScalarNode):
                name = requirement_name(str(item.value))
                if name:
                    self.requirements.append(
                        Requirement(self._source.name, item.start_mark.line + 1, item.start_mark.column + 1, name)
                    )
            elif isinstance(item, yaml.MappingNode):
                for _, value in item.value:
                    self._dependencies(value)
