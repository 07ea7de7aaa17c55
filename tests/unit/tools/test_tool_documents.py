"""The examples of ``docs/tools.md`` load as they stand."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gnosari_temporal.tools import BUILTIN, AllowedTools, load_tool, make_tool

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "tools.md").read_text(encoding="utf-8")
EXAMPLES = [
    tool for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL) for tool in yaml.safe_load(block)["tools"]
]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e["module"].startswith("my_")], ids=lambda e: e["name"])
def test_an_example_loads(example: dict[str, Any]) -> None:
    assert set(example) <= {"name", "id", "mode", "priority", "module", "class", "args"}

    tool = load_tool(example["module"], example["class"], example["args"], allowed=AllowedTools())

    assert tool.name in BUILTIN


def test_every_builtin_tool_has_an_example() -> None:
    shown = {(example["module"], example["class"]) for example in EXAMPLES}

    assert shown >= {where for name, where in BUILTIN.items() if name != "delegate_agent"}


def test_every_argument_of_a_builtin_tool_is_in_the_document() -> None:
    missing = [
        f"{class_name}.{parameter}"
        for name, (module, class_name) in BUILTIN.items()
        if name != "delegate_agent"
        for parameter in inspect.signature(getattr(importlib.import_module(module), class_name)).parameters
        if f"`{parameter}" not in DOCUMENT and parameter not in ("tool_name", "tool_description")
    ]

    assert missing == []


def test_the_tool_of_the_document_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL) if "TransferTool" in block)
    space: dict[str, Any] = {"__name__": "my_tools.bank"}
    exec(code, space)

    tool = make_tool(space["TransferTool"], {"bank_url": "https://bank.example"})

    assert tool.validate({"account": "a", "cents": 5}).cents == 5
