"""Records every history that the replay tests read: ``python -m tests.replay.record``.

Each module ``record_*`` beside this one records some of them, with its ``main``.
"""

from __future__ import annotations

import importlib
from pathlib import Path


def main() -> None:
    """Record all."""
    for path in sorted(Path(__file__).parent.glob("record_*.py")):
        importlib.import_module(f"{__package__}.{path.stem}").main()


if __name__ == "__main__":
    main()
