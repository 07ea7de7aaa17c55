"""What the README shows, done as it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from gnosari_temporal.server import free_port

from .project import Project, clean_environment

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_example_runs(tmp_path: Path) -> None:
    # given
    definitions, script = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "greet.py").write_text(definitions)
    port = free_port()
    project = Project(tmp_path, clean_environment({"TEMPORAL_ADDRESS": f"127.0.0.1:{port}"}), "gnosari_queue", "")
    up = project.start("up", "--module", "greet", "--ephemeral", "--port", str(port), "--ui-port", "0")
    try:
        up.wait_for("  consumers ", seconds=60)

        # when
        ran = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=project.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        # then
        assert ran.stdout == "Hello, you\n", ran.stderr
        assert ran.returncode == 0
        assert up.stop() == 0
    finally:
        project.close()
