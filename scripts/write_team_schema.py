"""Write docs/schema/team.schema.json, from which editors complete team files."""

from __future__ import annotations

import json
from pathlib import Path

from gnosari_temporal.agents.schema import team_schema

PATH = Path(__file__).parent.parent / "docs" / "schema" / "team.schema.json"


def main() -> None:
    """Write the schema and say where."""
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(json.dumps(team_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(PATH.relative_to(Path.cwd()) if PATH.is_relative_to(Path.cwd()) else PATH)


if __name__ == "__main__":
    main()
