"""Settings: where values come from, which of two wins, and what a bad one is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from gnosari_temporal import Settings
from gnosari_temporal.errors import SettingsError
from gnosari_temporal.settings import (
    CELERY_FALLBACKS,
    ENVIRONMENT,
    Lane,
    apply_dotenv,
    expand,
    expand_tree,
    unused_variables,
)


def load(directory: Path, environ: dict[str, str] | None = None, **overrides: object) -> Settings:
    return Settings.load(directory, environ=environ or {}, **overrides)


def test_an_empty_directory_gives_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.concurrency, settings.default_queue, settings.loglevel) == (10, "gnosari_queue", "info")
    assert (settings.address, settings.namespace) == ("127.0.0.1:7233", "default")
    assert settings.sources == {}


def test_the_command_line_wins_over_the_variable_over_the_file_over_celery_s_variable(tmp_path: Path) -> None:
    celery = {"CELERY_WORKER_CONCURRENCY": "1"}
    ours = {**celery, "GNOSARI_CONCURRENCY": "3"}

    assert load(tmp_path, celery).concurrency == 1
    (tmp_path / "gnosari.toml").write_text("concurrency = 2\n")
    assert load(tmp_path, celery).concurrency == 2
    assert load(tmp_path, ours).concurrency == 3
    assert load(tmp_path, ours, concurrency=4).concurrency == 4
    assert load(tmp_path, ours, concurrency=None).concurrency == 3


def test_every_value_knows_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "gnosari.toml").write_text('default_queue = "q"\n')
    settings = load(tmp_path, {"GNOSARI_GRACE": "5s", "LOG_LEVEL": "debug"}, processes=2)
    assert settings.sources == {
        "default_queue": "gnosari.toml",
        "grace": "GNOSARI_GRACE",
        "loglevel": "LOG_LEVEL",
        "processes": "the command line",
    }


def test_a_dotenv_file_adds_variables_and_never_replaces_one_that_is_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GNOSARI_CONCURRENCY=7\nGNOSARI_EXPRESS=8\nTEMPORAL_ADDRESS=server:1\n")
    settings = load(tmp_path, {"GNOSARI_CONCURRENCY": "2"})
    assert (settings.concurrency, settings.express, settings.address) == (2, 8, "server:1")


def test_the_process_s_environment_gets_what_the_dotenv_file_adds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("ADDED_BY_DOTENV=1\nPATH=/nowhere\n")
    monkeypatch.delenv("ADDED_BY_DOTENV", raising=False)
    try:
        assert apply_dotenv(tmp_path) == ("ADDED_BY_DOTENV",)
        assert expand("${ADDED_BY_DOTENV}") == "1"
    finally:
        monkeypatch.setenv("ADDED_BY_DOTENV", "")  # so that it is gone after the test


def test_lists_are_written_with_commas(tmp_path: Path) -> None:
    settings = load(tmp_path, {"GNOSARI_QUEUES": "a, b=4,", "GNOSARI_TOOLS_ALLOW": "shop.tools.*,bash"})
    assert settings.queues == ("a", "b=4")
    assert settings.tools.allow == ("shop.tools.*", "bash")


def test_a_variable_adds_to_a_group_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "gnosari.toml").write_text('[tools]\nallowed_hosts = ["10.0.0.0/8"]\n')
    settings = load(tmp_path, {"GNOSARI_TOOLS_ALLOW": "shop.*"})
    assert (settings.tools.allow, settings.tools.allowed_hosts) == (("shop.*",), ("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("CELERY_WORKER_CONCURRENCY", "4", "concurrency", 4),
        ("CELERY_WORKER_QUEUE", "a,b", "queues", ("a", "b")),
        ("CELERY_WORKER_LOGLEVEL", "DEBUG", "loglevel", "debug"),
        ("LOG_LEVEL", "WARNING", "loglevel", "warning"),
        ("CELERY_TASK_TIME_LIMIT", "300", "time_limit", timedelta(minutes=5)),
        ("CELERY_TASK_SOFT_TIME_LIMIT", "60", "soft_time_limit", timedelta(minutes=1)),
    ],
)
def test_variables_of_the_celery_version_still_count(
    tmp_path: Path, variable: str, text: str, name: str, value: object
) -> None:
    assert getattr(load(tmp_path, {variable: text}), name) == value


def test_celery_s_own_log_level_wins_over_the_general_one(tmp_path: Path) -> None:
    assert load(tmp_path, {"CELERY_WORKER_LOGLEVEL": "error", "LOG_LEVEL": "debug"}).loglevel == "error"


def test_every_variable_reaches_the_setting_it_names(tmp_path: Path) -> None:
    examples = {"strict_order": "true", "loglevel": "error", "grace": "1s", "time_limit": "1s", "soft_time_limit": "1s"}
    examples["openai_api"] = "responses"
    numbers = {"concurrency", "express", "priority_levels", "processes", "max_jobs_per_process", "max_memory_mb"}
    numbers |= {"workflow_pollers"}
    for variable, name in {**ENVIRONMENT, **CELERY_FALLBACKS}.items():
        text = examples.get(name, "16" if name == "max_memory_mb" else "7" if name in numbers else "some.value")
        group, _, inner = name.partition(".")
        changed = getattr(load(tmp_path, {variable: text}), group)
        before = getattr(load(tmp_path), group)
        assert changed != before, variable
        assert not inner or getattr(changed, inner) == (text,)


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, {"GNOSARI_CONCURRENCY": ""}).concurrency == 10


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"GNOSARI_CONCURRENCY": "many"}, "setting concurrency (from GNOSARI_CONCURRENCY) is 'many'"),
        ({"GNOSARI_CONCURRENCY": "0"}, "setting concurrency (from GNOSARI_CONCURRENCY) is '0'"),
        ({"LOG_LEVEL": "loud"}, "log level 'loud' is not one of debug, info"),
        ({"GNOSARI_GRACE": "soon"}, "write seconds as a number, or units as in 500ms"),
        ({"CELERY_TASK_TIME_LIMIT": "-3"}, "(from CELERY_TASK_TIME_LIMIT) is '-3'"),
    ],
)
def test_a_bad_value_is_told_with_its_variable_and_what_is_allowed(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, environ)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_setting_of_the_file_is_told_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "gnosari.toml").write_text("concurency = 3\n")
    with pytest.raises(SettingsError, match=r"gnosari.toml: unknown setting 'concurency'; known are .*concurrency"):
        load(tmp_path)


def test_a_file_that_is_no_toml_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "gnosari.toml").write_text("concurrency =\n")
    with pytest.raises(SettingsError, match=r"gnosari\.toml.*line 1"):
        load(tmp_path)


def test_two_lanes_with_the_same_priority_or_name_are_refused(tmp_path: Path) -> None:
    lanes = [{"name": "a", "priorities": [1, 3]}, {"name": "b", "priorities": [3, 4]}]
    with pytest.raises(SettingsError, match="lanes 'a' and 'b' both hold priority 3"):
        load(tmp_path, lanes=lanes)
    with pytest.raises(SettingsError, match="two lanes have the same name"):
        load(tmp_path, lanes=[lanes[0], {"name": "a", "priorities": [5, 6]}])
    with pytest.raises(ValidationError, match="first <= last"):
        Lane(name="a", priorities=(4, 2))


def test_the_connection_is_temporal_s_own_configuration(tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text('[profile.default]\naddress = "of-file:1"\nnamespace = "shop"\n')
    profile = {"TEMPORAL_CONFIG_FILE": str(tmp_path / "temporal.toml")}
    assert (load(tmp_path, profile).address, load(tmp_path, profile).namespace) == ("of-file:1", "shop")
    assert load(tmp_path, {**profile, "TEMPORAL_ADDRESS": "of-variable:2"}).address == "of-variable:2"


def test_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    environ = {"TEMPORAL_TLS_CLIENT_CERT_PATH": str(tmp_path / "nope.pem"), "TEMPORAL_ADDRESS": "a:1"}
    with pytest.raises(SettingsError, match="Temporal's client configuration cannot be read"):
        load(tmp_path, environ).connection()


def test_variables_without_effect_are_listed_with_what_to_use() -> None:
    environ = {"CELERY_BROKER_URL": "redis://", "FLOWER_PORT": "5555", "CELERY_WORKER_QUEUE": "a", "PATH": "/bin"}
    assert unused_variables(environ) == [
        ("CELERY_BROKER_URL", "TEMPORAL_ADDRESS"),
        ("FLOWER_PORT", "the Temporal Web UI"),
    ]


def test_variables_in_texts_are_resolved_with_defaults() -> None:
    environ = {"HOST": "db", "EMPTY": ""}
    assert expand("${HOST}:${PORT:5432}/${EMPTY:x}", environ) == "db:5432/"
    assert expand_tree({"${HOST}": ["${HOST}", 1, {"a": "${PORT:1}"}]}, environ) == {"${HOST}": ["db", 1, {"a": "1"}]}


def test_a_variable_that_is_not_set_is_told_with_the_remedy() -> None:
    with pytest.raises(SettingsError, match=r"\$\{TOKEN\} is not set: set TOKEN, or write \$\{TOKEN:default\}"):
        expand("${TOKEN}", {})
    assert expand("${TOKEN}", {}, missing=lambda name: f"<{name}>") == "<TOKEN>"


def test_settings_are_frozen_and_their_environment_is_not_shown() -> None:
    settings = Settings(environ={"TEMPORAL_API_KEY": "secret"})
    with pytest.raises(ValidationError, match="frozen"):
        settings.concurrency = 3  # type: ignore[misc]
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()


def test_a_dotenv_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"NAME=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        Settings.load(tmp_path, environ={})
