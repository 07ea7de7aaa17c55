"""The wheel: what is in it, and that it works where there is nothing else of the repository."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from gnosari_temporal import __version__

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; its dependencies are those of the environment the tests run in."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    packages = next(directory.glob("lib/python*/site-packages"))
    # A line of a .pth file adds a directory without reading its .pth files, so the editable install does not count.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return directory / "bin"


def run(command: list[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=60)


def test_the_wheel_holds_the_engine_alone_with_its_types_and_its_licence(wheel: Path) -> None:
    # when
    names = zipfile.ZipFile(wheel).namelist()

    # then
    tops = {name.split("/")[0] for name in names}
    assert tops == {"gnosari_temporal", f"gnosari_temporal-{__version__}.dist-info"}
    assert "gnosari_temporal/py.typed" in names
    assert f"gnosari_temporal-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_templates_in_the_wheel_are_the_application_of_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for folder in ("workflows", "activities"):
            # given
            prefix = f"gnosari_temporal/templates/{folder}/"
            packed = {
                name.removeprefix(prefix): archive.read(name) for name in archive.namelist() if name.startswith(prefix)
            }

            # then
            top = REPOSITORY / folder
            expected = {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*.py")}
            assert packed == expected


def test_the_installed_command_runs_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    # when
    where = run([installed / "python", "-c", "import gnosari_temporal; print(gnosari_temporal.__file__)"], tmp_path)
    answer = run([installed / "gnosari", "--help"], tmp_path)

    # then
    assert not Path(where.stdout.strip()).is_relative_to(REPOSITORY / "gnosari_temporal")
    assert answer.returncode == 0, answer.stderr
    assert "demo" in answer.stdout


def test_the_installed_command_writes_the_same_project_as_the_checkout(installed: Path, tmp_path: Path) -> None:
    # when
    from_wheel = run([installed / "gnosari", "init", "one"], tmp_path)
    from_checkout = run([Path(sys.executable).parent / "gnosari", "init", "two"], tmp_path)

    # then
    assert from_wheel.returncode == from_checkout.returncode == 0, from_wheel.stderr + from_checkout.stderr
    assert from_wheel.stdout == from_checkout.stdout
    assert ".gitignore" in from_wheel.stdout.split()
