"""Pictures of a team."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnosari_temporal.agents import TeamSpec, parse_team
from gnosari_temporal.agents.graph import graph_of, team_graph
from gnosari_temporal.agents.graph.layout import lay_out

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def team() -> TeamSpec:
    return parse_team(
        """
        name: 'Studio "<&>" [x]'
        description: Writes & checks
        config: {max_depth: 2}
        tools:
          - {name: files, mode: async, priority: 2, queue: fast, module: a.b, class: C}
          - {name: spare, module: a.b, class: C, approval: true}
          - {name: Browser, command: npx}
        knowledge: [{name: Guide, type: text, data: x}]
        agents:
          - name: Editor
            instructions: x
            tools: [files, Browser]
            delegation: [{agent: Writer, mode: async, priority: 1, approval: true}, Checker, Editor]
            can_transfer_to: [Checker]
          - {name: Writer, instructions: x, knowledge: [Guide], can_transfer_to: [Editor]}
          - {name: 'Checker "<&>"', id: Checker, instructions: x, tools: [delegate_agent]}
          - {name: Alone, instructions: x}
        """,
        "t.yaml",
        {},
    ).team


def test_a_graph_has_agents_with_their_tools_and_every_link(team: TeamSpec) -> None:
    graph = graph_of(team)
    editor, writer, checker, alone, spare = graph.cards
    assert editor.is_start
    assert [(row.name, row.kind, row.note) for row in editor.rows] == [
        ("files", "async tool", "p2 · fast"),
        ("Browser", "MCP server", "stdio"),
    ]
    assert [(row.name, row.kind) for row in writer.rows] == [("knowledge_query", "tool"), ("Guide", "knowledge")]
    assert (checker.rows, alone.rows) == ((), ())
    assert not spare.is_agent
    assert [(row.name, row.note) for row in spare.rows] == [("spare", "asks a person")]
    assert {(link.source, link.target, link.kind, link.note) for link in graph.links} == {
        ("a1", "a2", "async delegation", "p1 · asks a person"),
        ("a1", "a3", "delegation", ""),
        ("a1", "a1", "delegation", ""),
        ("a1", "a3", "handoff", ""),
        ("a2", "a1", "handoff", ""),
        ("a3", "a1", "delegation", ""),
        ("a3", "a2", "delegation", ""),
        ("a3", "a4", "delegation", ""),
    }


def test_mermaid_styles_sync_async_and_handoffs_apart(team: TeamSpec) -> None:
    text = team_graph(team)
    assert text.startswith('---\ntitle: "Studio \\"<&>\\" [x]"\n---\nflowchart TD\n')
    assert '    a1(["Editor<br>gpt-4o"]):::start\n' in text
    assert '    a1 -.->|"delegates async, p1 · asks a person"| a2\n' in text
    assert '    a1 -->|"delegates"| a3\n' in text
    assert '    a1 ==>|"hands over"| a3\n' in text
    assert '    a3("Checker #34;#60;#38;#62;#34;<br>gpt-4o"):::agent\n' in text
    assert '    t1["files<br>async · p2 · fast"]:::async\n' in text
    assert "    a1 -.- t1\n" in text


def test_svg_is_well_formed_and_says_everything_in_text(team: TeamSpec) -> None:
    root = ElementTree.fromstring(team_graph(team, "svg"))
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == 'Studio "<&>" [x]'
    shown = {element.text for element in root.iter(f"{SVG}text")}
    assert {
        "Editor",
        "Writer",
        'Checker "<&>"',
        "Alone",
        "files",
        "Browser",
        "Guide",
        "start",
        "p1 · asks a person",
    } <= shown
    description = root.findtext(f"{SVG}desc") or ""
    assert "Editor delegates asynchronously to Writer" in description
    assert "Writer hands over to Editor" in description
    ends = [path.get("marker-end") for path in root.iter(f"{SVG}path") if path.find(f"{SVG}title") is not None]
    assert (
        sorted(end for end in ends if end)
        == ["url(#async-delegation)"] + ["url(#delegation)"] * 5 + ["url(#handoff)"] * 2
    )


def test_a_file_of_tools_alone_has_a_picture() -> None:
    tools = parse_team("tools: [{name: bash}]", "t.yaml", {}).team
    assert "bash" in team_graph(tools)
    assert ">bash<" in team_graph(tools, "svg")


def test_a_picture_is_the_same_every_time(team: TeamSpec) -> None:
    assert team_graph(team, "svg") == team_graph(TeamSpec.model_validate_json(team.model_dump_json()), "svg")


def test_another_format_is_refused(team: TeamSpec) -> None:
    with pytest.raises(ValueError, match="format 'png' is neither 'mermaid' nor 'svg'"):
        team_graph(team, "png")  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(50, 400), st.floats(40, 300)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=25, unique=True),
)
def test_boxes_never_overlap_and_every_link_reaches_its_boxes(
    sizes: list[tuple[float, float]], pairs: list[tuple[int, int]]
) -> None:
    boxes = {f"a{number}": size for number, size in enumerate(sizes)}
    links = [(f"a{one}", f"a{other}") for one, other in pairs if max(one, other) < len(sizes)]
    layout = lay_out(boxes, links)
    assert set(layout.boxes) == set(boxes)
    for one, other in itertools.combinations(layout.boxes.values(), 2):
        apart_x = abs(one.x - other.x) >= (one.width + other.width) / 2 - 0.001
        apart_y = one.y + one.height <= other.y + 0.001 or other.y + other.height <= one.y + 0.001
        assert apart_x or apart_y
    for box in layout.boxes.values():
        assert box.x - box.width / 2 >= -0.001
        assert box.x + box.width / 2 <= layout.width + 0.001
        assert -0.001 <= box.y <= box.y + box.height <= layout.height + 0.001
    for (source, target), route in zip(links, layout.routes, strict=True):
        if source == target:
            assert route == []
            continue
        for key, (x, y) in ((source, route[0]), (target, route[-1])):
            box = layout.boxes[key]
            assert abs(x - box.x) <= box.width / 2
            assert min(abs(y - box.y), abs(y - box.y - box.height)) < 0.001
