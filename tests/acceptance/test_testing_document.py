"""The tests that ``docs/testing.md`` shows pass as they stand, in a project of the templates' make."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "testing.md").read_text("utf-8"), re.DOTALL)


def test_every_example_of_the_document_passes(tmp_path: Path) -> None:
    # given this repository's project with one test file for each example
    for folder in ("workflows", "activities"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"test_example_{number}.py").write_text(block, encoding="utf-8")

    # when
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "--rootdir", "."],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
    )

    # then
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(BLOCKS)} passed" in done.stdout
    assert len(BLOCKS) == 6
