"""Docker Compose, Dockerfile, dynamic configuration and their page fit the program and each other.

Docker itself does not run everywhere; what can be known without it is checked here.
"""

import json
import re
import shlex
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gnosari_temporal.cli.main import cli
from gnosari_temporal.cli.serving import TIME_TO_CANCEL
from gnosari_temporal.durations import parse_duration
from gnosari_temporal.routing import SEARCH_ATTRIBUTES
from gnosari_temporal.server import DEFAULT_PORT, UI_PORT_OFFSET
from gnosari_temporal.server.binary import find_binary, server_version
from gnosari_temporal.server.tuning import IN_ORDER, TUNING, dynamic_config
from gnosari_temporal.settings import DEFAULT_ADDRESS, ENVIRONMENT, Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PAGE = ROOT / "docs" / "deployment.md"

READ_BY_IMAGE = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD"},
    "temporalio/server": {
        "BIND_ON_IP",
        "DB",
        "DB_PORT",
        "DYNAMIC_CONFIG_FILE_PATH",
        "LOG_LEVEL",
        "NUM_HISTORY_SHARDS",
        "POSTGRES_PWD",
        "POSTGRES_SEEDS",
        "POSTGRES_USER",
        "TEMPORAL_ALLOW_NO_AUTH",
    },
    "temporalio/ui": {"TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE"},
}
"""What the images of others read, as their documentation has it, of what is set for them here."""


def _image(service: dict[str, Any]) -> tuple[str, str]:
    name, _, tag = service.get("image", "").partition(":")
    return name, tag


def _instructions(keyword: str) -> list[str]:
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    return [line.partition(" ")[2].strip() for line in joined.splitlines() if line.startswith(f"{keyword} ")]


def _refusal(line: list[str]) -> str | None:
    """Why the command line would refuse these words; nothing is run."""
    assert line[0] == "gnosari"
    command: click.Command = cli
    name, words, parent = "gnosari", line[1:], None
    try:
        while True:
            context = command.make_context(name, list(words), parent=parent)
            if not isinstance(command, click.Group):
                return None
            rest = [*context._protected_args, *context.args]
            if not rest:
                return None if command.invoke_without_command else f"{name}: no subcommand"
            found, following, words = command.resolve_command(context, rest)
            assert found is not None
            assert following is not None
            name, command, parent = found, following, context
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        return None
    except click.ClickException as error:
        return error.format_message()


def _temporal_variables() -> set[str]:
    """Environment variables of Temporal's own client configuration, as its command line lists them."""
    told = subprocess.run([find_binary(), "options"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\bTEMPORAL_[A-Z_]+\b", told))


def _code(page: Path, *languages: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), flags=re.M | re.S)
    return [body for language, body in blocks if language in languages]


def _shell_lines() -> list[str]:
    lines = []
    for block in _code(PAGE, "sh", "bash"):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            command = line.split(" #")[0].strip()
            if command and not command.startswith("#"):
                lines.append(command)
    return lines


# Docker Compose


def test_the_compose_file_fits_the_compose_specification() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text())
    errors = jsonschema.Draft7Validator(schema).iter_errors(COMPOSE)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_specification_notices_a_wrong_key() -> None:
    schema = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text())
    wrong = {"services": {"worker": {"image": "x", "comand": ["y"]}}}
    assert list(jsonschema.Draft7Validator(schema).iter_errors(wrong))


def test_the_services_are_there() -> None:
    assert {"postgresql", "temporal", "temporal-ui", "gnosari-worker"} <= set(SERVICES)


@pytest.mark.parametrize("name", [name for name in SERVICES if "image" in SERVICES[name]])
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-\w+)?", _image(SERVICES[name])[1])


def test_the_cluster_is_of_the_embedded_servers_version() -> None:
    version = ".".join(str(part) for part in server_version(find_binary()) or ())
    tags = {_image(service)[1] for service in SERVICES.values() if re.search("server|admin", _image(service)[0])}
    assert tags == {version}


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_can_come_true(name: str) -> None:
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        if condition["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other], f"{other} is never healthy"
        else:
            assert condition["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"].startswith("on-failure"), f"{other} never completes"


@pytest.mark.parametrize("name", SERVICES)
def test_a_variable_is_one_that_the_program_reads(name: str) -> None:
    service = SERVICES[name]
    image = _image(service)[0]
    if image == "":
        known = set(ENVIRONMENT) | _temporal_variables()
    elif image == "temporalio/admin-tools":
        script = _mounted(service, service["entrypoint"][-1]).read_text()
        known = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", script))
    else:
        known = READ_BY_IMAGE[image]
    assert set(service["environment"]) <= known


def _mounted(service: dict[str, Any], path: str) -> Path:
    """The file of the repository that stands at this path of the container."""
    for volume in service["volumes"]:
        source, target, *_ = volume.split(":")
        if path.startswith(f"{target}/"):
            return ROOT / source / path.removeprefix(f"{target}/")
    raise AssertionError(f"nothing is mounted at {path}")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("temporal-schema", SERVICES["temporal-schema"]["entrypoint"][-1]),
        ("temporal-namespace", SERVICES["temporal-namespace"]["entrypoint"][-1]),
        ("temporal", SERVICES["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"]),
    ],
)
def test_a_file_that_a_service_reads_is_mounted(name: str, path: str) -> None:
    assert _mounted(SERVICES[name], path).is_file()


def test_ports_are_those_of_the_program_and_of_this_machine_alone() -> None:
    assert DEFAULT_ADDRESS.endswith(f":{DEFAULT_PORT}")
    assert SERVICES["temporal"]["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}"]
    assert SERVICES["temporal-ui"]["ports"] == [f"127.0.0.1:{DEFAULT_PORT + UI_PORT_OFFSET}:8080"]
    for name in ("temporal-namespace", "temporal-ui", "gnosari-worker"):
        assert SERVICES[name]["environment"]["TEMPORAL_ADDRESS"] == f"temporal:{DEFAULT_PORT}"
    assert str(DEFAULT_PORT) in SERVICES["temporal"]["healthcheck"]["test"]
    ui = SERVICES["gnosari-worker"]["environment"]["GNOSARI_UI_ADDRESS"]
    assert ui == f"http://localhost:{DEFAULT_PORT + UI_PORT_OFFSET}"


def test_the_worker_may_finish_its_jobs_before_it_is_killed() -> None:
    worker = SERVICES["gnosari-worker"]
    grace = parse_duration(worker["environment"]["GNOSARI_GRACE"])
    assert grace == Settings.model_fields["grace"].default
    assert parse_duration(worker["stop_grace_period"]) > grace + TIME_TO_CANCEL


@pytest.mark.parametrize(
    "line", [SERVICES["gnosari-worker"]["command"], SERVICES["gnosari-worker"]["healthcheck"]["test"][1:]]
)
def test_a_command_of_the_worker_is_one_of_the_program(line: list[str]) -> None:
    assert _refusal(line) is None


def test_the_worker_runs_with_four_slots() -> None:
    assert SERVICES["gnosari-worker"]["command"] == ["gnosari", "worker", "--concurrency", "4"]


@pytest.mark.parametrize(
    "line", ["gnosari wroker", "gnosari worker --concurency 4", "gnosari worker -c four", "gnosari job show"]
)
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    assert _refusal(shlex.split(line))


# The dynamic configuration and the setup scripts


def test_the_clusters_dynamic_configuration_is_the_embedded_servers() -> None:
    loaded = yaml.safe_load((ROOT / "deploy" / "dynamicconfig" / "gnosari.yaml").read_text())
    assert {key: entries[0]["value"] for key, entries in loaded.items()} == dynamic_config()
    assert all(entries == [{"value": entries[0]["value"], "constraints": {}}] for entries in loaded.values())


def test_the_registered_search_attributes_are_the_engines() -> None:
    script = (ROOT / "deploy" / "temporal" / "namespace.sh").read_text()
    found = re.search(r'^attributes="(.*)"$', script, flags=re.M)
    assert found is not None
    assert tuple(found[1].split()) == SEARCH_ATTRIBUTES


@pytest.mark.parametrize("script", sorted((ROOT / "deploy" / "temporal").glob("*.sh")), ids=lambda path: path.name)
def test_a_setup_script_is_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)


# The image


def test_the_image_is_built_on_a_pinned_python_that_the_package_supports() -> None:
    bases = [line.split()[0] for line in _instructions("FROM")]
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"python:3\.12\.\d+-slim-bookworm", base)


def test_what_the_image_copies_is_there_and_not_left_out() -> None:
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    kept = {pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")}
    sources = [
        source for line in _instructions("COPY") if not line.startswith("--from") for source in line.split()[:-1]
    ]
    assert {source.rstrip("/") for source in sources} == kept
    for source in sources:
        assert (ROOT / source).exists(), f"{source} is not in the repository"
    assert any(fnmatch("gnosari_temporal/__pycache__", pattern) for pattern in patterns if pattern.startswith("**/"))


def test_the_image_has_all_that_the_package_is_built_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {project["project"]["readme"], *project["project"]["license-files"], *wheel["packages"]}
    needed |= set(wheel.get("force-include", {}))
    before_install = DOCKERFILE.partition("pip install")[0]
    copied = {
        source.rstrip("/")
        for line in re.findall(r"^COPY (.*) \S+$", before_install, flags=re.M)
        for source in line.split()
    }
    assert needed <= copied


def test_the_image_has_what_was_tested() -> None:
    assert "PIP_CONSTRAINT=/src/constraints.txt" in DOCKERFILE
    names = {
        canonicalize_name(Requirement(line).name)
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    assert {"temporalio", "pydantic", "click"} <= names


def test_the_extras_of_the_image_exist() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    default = re.search(r"^ARG EXTRAS=(\w+)$", DOCKERFILE, flags=re.M)
    assert default is not None
    assert re.search(rf"^{default[1]} = \[", pyproject, flags=re.M)


def test_the_image_runs_the_worker_itself_without_privileges() -> None:
    command = _instructions("CMD")[-1]
    assert _refusal(json.loads(command)) is None  # JSON: exec form, so that SIGTERM arrives
    assert _instructions("ENTRYPOINT") == []
    assert _instructions("STOPSIGNAL") == ["SIGTERM"]
    assert int(_instructions("USER")[-1]) > 0


# The page


def test_every_value_of_the_dynamic_configuration_is_explained() -> None:
    page = PAGE.read_text()
    written = {entry.key: f"`{entry.key}: {json.dumps(entry.value)}`" for entry in (*TUNING, IN_ORDER)}
    assert [key for key, text in written.items() if text not in page] == []


def _commands_of_the_page() -> list[list[str]]:
    in_shell = [words[words.index("gnosari") :] for line in _shell_lines() if "gnosari" in (words := shlex.split(line))]
    in_yaml = [
        words
        for block in _code(PAGE, "yaml")
        for line in block.splitlines()
        if "command: [" in line and (words := yaml.safe_load(line)["command"])[0] == "gnosari"
    ]
    return in_shell + in_yaml


@pytest.mark.parametrize("words", _commands_of_the_page(), ids=" ".join)
def test_a_command_of_the_page_is_one_of_the_program(words: list[str]) -> None:
    assert _refusal(words) is None


def test_a_script_that_the_page_runs_is_there() -> None:
    scripts = [word for line in _shell_lines() for word in shlex.split(line) if re.search(r"\.(sh|py)$", word)]
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


def test_a_variable_of_the_page_is_one_that_the_program_reads() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    known = set(ENVIRONMENT) | _temporal_variables() | set(re.findall(r"\b[A-Z][A-Z_]+\b", compose))
    named = set(re.findall(r"\b(?:TEMPORAL|GNOSARI|CELERY|POSTGRES|NAMESPACE)_[A-Z_]+\b", PAGE.read_text()))
    assert sorted(named - known) == []


def test_yaml_of_the_page_is_yaml() -> None:
    blocks = _code(PAGE, "yaml")
    assert blocks
    for block in blocks:
        assert list(yaml.safe_load_all(block))
