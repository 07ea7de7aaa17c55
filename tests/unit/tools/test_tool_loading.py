"""Loading a tool: allowed before imported, found under Gnosari's names, made from its args."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gnosari_temporal.errors import ToolDefinitionError, ToolNotAllowed
from gnosari_temporal.tools import BUILTIN, AllowedTools, load_builtin, load_class, load_tool, make_tool, resolve_module
from gnosari_temporal.tools.builtin.file_operations import FileOperationsTool

OURS = "gnosari_temporal.tools.builtin"
TOOL = """
from gnosari_temporal.tools import BaseTool
{extra}
class Marked(BaseTool):
    def __init__(self, greeting: str, loud: bool = False):
        super().__init__("marked", "says hello", {{"type": "object"}})
        self.greeting = greeting
    async def run(self, input_data):
        return self.greeting
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package ``user_tools`` that leaves a mark when it is imported."""
    root = tmp_path / "user_tools"
    root.mkdir()
    mark = f"__import__('pathlib').Path({str(tmp_path / 'mark')!r}).touch()"
    (root / "__init__.py").write_text(mark)
    (root / "hello.py").write_text(TOOL.format(extra="import subprocess\nfrom subprocess import Popen\nnumber = 7"))
    (root / "broken.py").write_text("raise RuntimeError('broken on import')")
    (root / "needy.py").write_text("import package_that_is_not_there")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "user_tools"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def imported(package: Path) -> bool:
    return (package / "mark").exists()


@pytest.mark.parametrize(
    ("module", "class_name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("user_tools.hello", "Marked"),
        ("gnosari_temporal.tools.loading", "AllowedTools"),
        ("gnosari_temporal.tools.builtin_evil", "X"),
        ("gnosari_temporal.tools.builtin/../../os", "system"),
        ("gnosari_temporal.tools.builtin..os", "system"),
        (".os", "system"),
        ("", "system"),
        ("gnosari_temporal.tools.builtin.bash\n", "BashTool"),
        ("gnosari_temporal.tools.builtin.bash", "__class__"),
        ("gnosari_temporal.tools.builtin.bash", "BashTool.run"),
        ("gnosari.queue.consumers", "X"),
    ],
)
def test_what_is_not_allowed_is_refused_before_anything_is_imported(
    package: Path, module: str, class_name: str
) -> None:
    before = set(sys.modules)

    with pytest.raises(ToolNotAllowed) as caught:
        load_class(module, class_name, AllowedTools())

    assert set(sys.modules) == before
    assert not imported(package)
    message = str(caught.value)
    assert "[tools] allow = [" in message
    assert "gnosari worker --team FILE" in message
    assert "\n" not in message


@pytest.mark.parametrize("entry", ["user_tools.hello", "user_tools.*", "user_tools.hello:Marked"])
def test_what_the_settings_or_a_team_file_list_is_imported(package: Path, entry: str) -> None:
    found = load_class("user_tools.hello", "Marked", AllowedTools().plus([entry]))

    assert found.__name__ == "Marked"
    assert imported(package)


@pytest.mark.parametrize("entry", ["user_tools", "user_tools.hell", "user_tools.hello:Other", "user_tools.hello.*"])
def test_an_entry_allows_nothing_else(package: Path, entry: str) -> None:
    allowed = AllowedTools([entry])
    if entry == "user_tools.hello.*":  # the package itself is meant too
        assert allowed.permits("user_tools.hello", "Marked")
        return
    with pytest.raises(ToolNotAllowed):
        load_class("user_tools.hello", "Marked", allowed)
    assert not imported(package)


def test_a_class_that_the_module_only_imported_is_refused_unless_named(package: Path) -> None:
    with pytest.raises(ToolNotAllowed, match=r"user_tools\.hello:Popen is allowed by its module only"):
        load_class("user_tools.hello", "Popen", AllowedTools(["user_tools.hello"]))
    with pytest.raises(ToolDefinitionError, match="is no tool: it has neither run"):
        load_class("user_tools.hello", "Popen", AllowedTools(["user_tools.hello:Popen"]))


@pytest.mark.parametrize(
    ("module", "class_name", "why"),
    [
        ("user_tools.hello", "Markd", "has no 'Markd', did you mean 'Marked'?"),
        ("user_tools.hello", "number", "is no class but a int"),
        ("user_tools.hello", "subprocess", "is no class but a module"),
        ("user_tools.nowhere", "X", "there is no tool module user_tools.nowhere"),
        ("user_tools.broken", "X", "cannot be imported: RuntimeError: broken on import"),
        ("user_tools.needy", "X", "needs the module 'package_that_is_not_there', which is not installed"),
    ],
)
def test_what_is_allowed_but_not_there_is_explained(package: Path, module: str, class_name: str, why: str) -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        load_class(module, class_name, AllowedTools(["user_tools.*"]))

    assert why in str(caught.value)


@pytest.mark.parametrize("entry", ["", "my tools", "a:b:c", "a.*:B", "*", "a..b", 7])
def test_an_entry_that_is_no_module_is_refused(entry: Any) -> None:
    with pytest.raises(ToolDefinitionError, match=r"write package\.module"):
        AllowedTools([entry])


class TestGnosarisNames:
    @pytest.mark.parametrize(
        ("named", "module"),
        [
            ("gnosari.tools.builtin.file_operations", f"{OURS}.file_operations"),
            ("gnosari.tools.file_operations", f"{OURS}.file_operations"),
            ("gnosari.tools.builtin.api_request", f"{OURS}.api_request"),
            ("gnosari.tools.builtin.knowledge", f"{OURS}.knowledge_query"),
            ("gnosari.tools.delegate_agent", f"{OURS}.delegation"),
            ("gnosari.tools.builtin.delegation", f"{OURS}.delegation"),
            ("gnosari.tools.builtin", OURS),
            ("gnosari.tools.builtin.a.b", "gnosari.tools.builtin.a.b"),
            ("gnosari.queue.base", "gnosari.queue.base"),
            ("my.tools", "my.tools"),
        ],
    )
    def test_are_our_builtin_tools_where_gnosari_is_not_installed(self, named: str, module: str) -> None:
        assert resolve_module(named) == module

    def test_the_seeds_file_tool_loads_without_an_entry(self) -> None:
        tool = load_tool(
            "gnosari.tools.builtin.file_operations",
            "FileOperationsTool",
            {"base_directory": "./workspace", "allowed_extensions": [".txt"]},
            allowed=AllowedTools(),
        )

        assert isinstance(tool, FileOperationsTool)

    def test_an_unknown_one_is_answered_with_those_that_there_are(self) -> None:
        with pytest.raises(ToolDefinitionError, match="did you mean 'file_operations'"):
            load_class("gnosari.tools.builtin.file_operation", "FileOperationsTool", AllowedTools())

    @pytest.fixture
    def gnosari(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A stub of the Gnosari package, with one tool of its own."""
        builtin = tmp_path / "gnosari" / "tools" / "builtin"
        builtin.mkdir(parents=True)
        for folder in (builtin, builtin.parent, builtin.parent.parent):
            (folder / "__init__.py").write_text("")
        (builtin / "file_operations.py").write_text(TOOL.format(extra="").replace("Marked", "FileOperationsTool"))
        (builtin.parent / "own.py").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path))
        for name in [name for name in sys.modules if name.partition(".")[0] == "gnosari"]:
            monkeypatch.delitem(sys.modules, name)
        return tmp_path

    def test_are_gnosaris_own_tools_where_it_is_installed(self, gnosari: Path) -> None:
        before = set(sys.modules)

        assert resolve_module("gnosari.tools.builtin.file_operations") == "gnosari.tools.builtin.file_operations"
        assert resolve_module("gnosari.tools.file_operations") == "gnosari.tools.builtin.file_operations"
        assert resolve_module("gnosari.tools.own") == "gnosari.tools.own"
        assert set(sys.modules) == before  # and finding out imports nothing

    def test_which_must_be_allowed_like_any_other(self, gnosari: Path) -> None:
        named = ("gnosari.tools.builtin.file_operations", "FileOperationsTool")

        with pytest.raises(ToolNotAllowed):
            load_class(*named, AllowedTools())
        found = load_class(*named, AllowedTools(["gnosari.tools.builtin.*"]))

        assert found.__module__ == "gnosari.tools.builtin.file_operations"
        assert found is not FileOperationsTool

    def test_a_folder_that_is_merely_called_gnosari_is_not_the_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "gnosari").mkdir()
        monkeypatch.syspath_prepend(str(tmp_path))

        assert resolve_module("gnosari.tools.builtin.bash") == f"{OURS}.bash"


class TestArgs:
    def test_an_unknown_argument_is_named_with_the_allowed_ones(self) -> None:
        with pytest.raises(ToolDefinitionError) as caught:
            make_tool(FileOperationsTool, {"base_dir": "x"})

        assert "args.base_dir: unknown argument, did you mean 'base_directory'? (allowed: " in str(caught.value)

    def test_a_missing_argument_is_named(self, package: Path) -> None:
        found = load_class("user_tools.hello", "Marked", AllowedTools(["user_tools.*"]))

        with pytest.raises(ToolDefinitionError, match=r"Marked: args\.greeting: missing \(required: greeting\)"):
            make_tool(found)
        assert make_tool(found, {"greeting": "hi"}).greeting == "hi"

    def test_a_value_of_the_wrong_type_is_named_and_a_text_is_not_shown(self) -> None:
        with pytest.raises(ToolDefinitionError) as caught:
            make_tool(FileOperationsTool, {"max_file_size": "s3cr3t", "allowed_extensions": "s3cr3t"})

        assert "args.max_file_size: Input should be a valid integer" in str(caught.value)
        assert "args.allowed_extensions: " in str(caught.value)
        assert "s3cr3t" not in str(caught.value)

    def test_a_value_from_the_environment_is_a_text_and_is_read_as_a_number(self) -> None:
        assert make_tool(FileOperationsTool, {"max_file_size": "4096"}).max_file_size == 4096
        assert load_builtin("api_request", {"timeout": "10m"}).timeout.total_seconds() == 600

    def test_a_constructor_that_fails_is_a_definition_error(self) -> None:
        class Failing:
            def __init__(self, path: str) -> None:
                raise OSError("no disk")

            async def run(self, input_data: Any) -> Any: ...

        with pytest.raises(ToolDefinitionError, match="Failing cannot be made from its args: OSError: no disk"):
            make_tool(Failing, {"path": "x"})

    def test_an_abstract_tool_says_what_it_lacks(self) -> None:
        from gnosari_temporal.tools import BaseTool, SyncTool

        with pytest.raises(ToolDefinitionError, match="BaseTool cannot be made: it lacks run"):
            make_tool(BaseTool, {"name": "x"})
        with pytest.raises(ToolDefinitionError, match="SyncTool cannot be made: it lacks get_tool"):
            make_tool(SyncTool)

    def test_a_constructor_that_takes_anything_gets_everything(self) -> None:
        class Open:
            def __init__(self, **options: Any) -> None:
                self.options = options

            async def run(self, input_data: Any) -> Any: ...

        assert make_tool(Open, {"a": 1}).options == {"a": 1}


def test_every_builtin_tool_loads_by_name_and_describes_itself() -> None:
    needed = {"sql_query": {"database_url": "sqlite://"}}
    for name in BUILTIN.keys() - {"delegate_agent"}:
        tool = load_builtin(name, needed.get(name))
        assert tool.name == name
        assert tool.description
        schema = tool.input_json_schema
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        for field, described in schema["properties"].items():
            assert described.get("description"), f"{name}.{field} has no description"


def test_an_unknown_builtin_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ToolDefinitionError, match="no builtin tool 'api_requests', did you mean 'api_request'"):
        load_builtin("api_requests")


HEAVY = ("temporalio", "httpx", "httpcore", "sqlalchemy", "trafilatura", "agents", "openai", "jsonschema", "lxml")


def test_importing_the_tools_imports_none_of_the_optional_packages() -> None:
    modules = ", ".join(sorted({module for name, (module, _) in BUILTIN.items() if name != "delegate_agent"}))
    code = f"import sys, gnosari_temporal.tools, {modules}; print([m for m in {HEAVY!r} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "args", "arguments", "package"),
    [
        ("api_request", {}, {"endpoint": "http://x.example/"}, "httpx"),
        ("website_content", {}, {"url": "http://x.example/"}, "httpx"),
        ("sql_query", {"database_url": "sqlite://"}, {"query": "SELECT 1"}, "sqlalchemy"),
    ],
)
def test_a_missing_extra_is_named(name: str, args: dict[str, Any], arguments: dict[str, Any], package: str) -> None:
    code = (
        "import asyncio, sys\n"
        f"sys.modules[{package!r}] = None\n"
        "from gnosari_temporal.errors import ToolDefinitionError\n"
        "from gnosari_temporal.tools import load_builtin, run_tool\n"
        "try:\n"
        f"    asyncio.run(run_tool(load_builtin({name!r}, {args!r}), {arguments!r}))\n"
        "except ToolDefinitionError as error:\n"
        "    print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert f"{name} needs the package {package!r}" in done.stdout
    assert "pip install 'gnosari-temporal[tools]'" in done.stdout
