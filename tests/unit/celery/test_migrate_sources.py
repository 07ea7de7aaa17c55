"""Which files are read, and what becomes of those that cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gnosari_temporal.celery.migrate import Verdict, analyse
from gnosari_temporal.celery.migrate.sources import MAXIMUM_BYTES
from gnosari_temporal.errors import ProjectError

TASK = "from celery import shared_task\n"


def test_python_2_is_a_finding_with_its_line_and_the_rest_is_still_read(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("import celery\nprint 'two'\n")
    (tmp_path / "new.py").write_text(TASK)

    report = analyse(tmp_path)

    assert [(f.path, f.line, f.construct) for f in report.findings] == [
        ("new.py", 1, "import.shared_task"),
        ("old.py", 2, "file.syntax"),
    ]
    assert not report.runs


@pytest.mark.parametrize(
    "data",
    [b"\x00\x01import celery\n", b"import celery  # \xff\n", b"x" * (MAXIMUM_BYTES + 1)],
    ids=["nul", "latin", "large"],
)
def test_python_that_is_no_text_is_a_finding(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_bytes(data)

    report = analyse(tmp_path)

    assert [f.path for f in report.findings] == ["broken.py"]
    assert report.findings[0].construct in ("file.syntax", "file.unreadable")
    assert report.findings[0].verdict is Verdict.DOES_NOT_RUN


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CELERY_BROKER_URL=x")
    (tmp_path / ".env").chmod(0)

    assert [f.construct for f in analyse(tmp_path).findings] == ["file.unreadable"]


def test_a_declared_encoding_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe4'\nimport celery\n")
    (tmp_path / "mark.py").write_bytes(b"\xef\xbb\xbfimport celery\r\nx = 1\r\n")

    assert [(f.path, f.line, f.construct) for f in analyse(tmp_path).findings] == [
        ("latin.py", 3, "import.module"),
        ("mark.py", 1, "import.module"),
    ]


def test_installed_packages_caches_and_version_control_are_left_out(tmp_path: Path) -> None:
    for folder in (".git", "node_modules", "env", "lib/site-packages", "__pycache__"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "tasks.py").write_text(TASK)
    (tmp_path / "env" / "pyvenv.cfg").touch()

    assert analyse(tmp_path).findings == ()


@pytest.mark.parametrize("pattern", ["legacy", "legacy/", "legacy/*", "*.py"])
def test_files_and_folders_can_be_left_out(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "legacy").mkdir()
    (tmp_path / "legacy" / "tasks.py").write_text(TASK)

    assert analyse(tmp_path, exclude=[pattern]).findings == ()
    assert len(analyse(tmp_path).findings) == 1


def test_a_single_file_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASK)

    report = analyse(tmp_path / "tasks.py")

    assert [(f.path, f.construct) for f in report.findings] == [("tasks.py", "import.shared_task")]


def test_links_in_a_circle_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASK)
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")

    assert [f.path for f in analyse(tmp_path).findings] == ["gone.py", "tasks.py"]


def test_a_path_that_is_not_there_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="nowhere: no such file or folder; give the folder"):
        analyse(tmp_path / "nowhere")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("celery -A proj worker")

    with pytest.raises(ProjectError, match=r"readme\.md: neither Python nor a deployment file"):
        analyse(tmp_path / "readme.md")


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    report = analyse(tmp_path)

    assert (report.files, report.findings, report.runs) == (0, (), True)
