"""`gnosari run`, as a user types it: the examples, and what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gnosari_temporal import GnosariClient

from .project import GNOSARI, Project, clean_environment, poll

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def gnosari(*arguments: str, cwd: Path, timeout: float = 90, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command where no server is set."""
    return subprocess.run(
        [GNOSARI, *arguments],
        cwd=cwd,
        env=clean_environment(environ),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def team_file(
    folder: Path, script: str, agents: str = "  - {name: Solo, instructions: Answer.}", more: str = ""
) -> Path:
    """A team with one scripted agent, unless told otherwise."""
    (folder / "script.yaml").write_text(f"agents:\n{script}")
    path = folder / "team.yaml"
    path.write_text(f"name: Small\nconfig:\n  model: scripted:script.yaml\n{more}agents:\n{agents}\n")
    return path


def test_delegation_runs_offline_and_shows_who_does_what(tmp_path: Path) -> None:
    # when
    done = gnosari("run", str(EXAMPLES / "delegation" / "team.yaml"), "-m", "the sea", cwd=tmp_path)

    # then the answer alone is on stdout
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Published, on the sea:")
    assert all(f"({name}): " in done.stdout for name in ("Poet", "Reporter", "Columnist"))
    assert "71 % of the Earth" in done.stdout
    # and the tree of who does what on stderr
    assert "Web UI  http://" in done.stderr
    assert "running     agent Researcher: Facts about the sea" in done.stderr
    assert "running       agent Archivist: Facts about the sea" in done.stderr
    assert "agent Poet: the sea" in done.stderr
    assert "(async)" in done.stderr


def test_async_tools_run_offline_in_the_form_of_gnosari_with_json(tmp_path: Path) -> None:
    done = gnosari(
        "--config", str(EXAMPLES / "async_tools" / "team.yaml"), "--message", "minutes", "--json", cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert "Second: minutes" in result["answer"]
    assert result["job"].startswith("AgentMessage/")
    assert (tmp_path / "archive" / "first.txt").read_text() == "First: minutes"


def test_the_answer_streams_while_the_model_makes_it(tmp_path: Path) -> None:
    # given a model that takes 4 s for its text
    team = team_file(tmp_path, "  Solo:\n    - {text: one two three four five six seven eight, takes: 4s}\n")
    process = subprocess.Popen(
        [GNOSARI, "run", str(team), "-m", "count", "--stream"],
        cwd=tmp_path,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None

    # when
    first = process.stdout.read(1)
    began = time.monotonic()
    rest = process.stdout.read()
    took = time.monotonic() - began

    # then text was there long before the end, and is there once
    assert process.wait(30) == 0
    assert took > 1
    assert (first + rest).decode() == "one two three four five six seven eight\n"


def test_a_server_that_is_set_and_does_not_answer_exits_3(tmp_path: Path) -> None:
    team = team_file(tmp_path, "  Solo:\n    - {text: x}\n")

    done = gnosari("run", str(team), "-m", "x", cwd=tmp_path, TEMPORAL_ADDRESS="127.0.0.1:1")

    assert done.returncode == 3
    assert "no Temporal server at 127.0.0.1:1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "what is the team asked?"),
        (["-m", "x", "--agent", "Nobody"], "no agent 'Nobody' in team 'Small'"),
        (["-m", "x", "--detach"], "--detach leaves the run to a server that stays"),
        (["-m", "x", "--temperature", "3"], "3.0 is not in the range"),
    ],
)
def test_what_cannot_work_exits_2_in_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    team = team_file(tmp_path, "  Solo:\n    - {text: x}\n")

    done = gnosari("run", str(team), *arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_budget_stops_a_run_with_exit_code_1(tmp_path: Path) -> None:
    team = team_file(
        tmp_path,
        "  Solo:\n    - {calls: [{tool: nothing}], times: 9, input_tokens: 50, output_tokens: 1}\n",
        more="  max_tokens_total: 100\n",
    )

    done = gnosari("run", str(team), "-m", "x", cwd=tmp_path)

    assert done.returncode == 1
    assert "BudgetExceeded: 102 tokens are used of max_tokens_total 100" in done.stderr
    assert done.stdout == ""


def test_a_run_on_a_server_with_workers_waits_for_a_person_and_shows_its_tree(project: Project) -> None:
    # given a worker for the team of the approval example
    team = str(EXAMPLES / "approval" / "team.yaml")
    project.start_worker("--team", team)

    # when it is run and left alone
    job = project.run("run", team, "-m", "100 to Ada", "--detach").stdout.strip()
    poll(lambda: job in project.run("job", "list", "--status", "waiting").stdout, what="waiting")
    assert not (project.directory / "ledger" / "payments.txt").exists()
    tree = project.run("job", "tree", job)
    assert "waiting" in tree.stdout
    assert "Clerk wants to call ledger" in tree.stdout

    # and a person tells it something, and agrees
    assert project.run("job", "steer", job, "be quick").returncode == 0
    assert project.run("job", "approve", job, "--reason", "fine").returncode == 0
    result = json.loads(project.run("job", "result", job).stdout)

    # then
    assert "The ledger says:" in result["answer"]
    assert "be quick" in result["answer"]
    assert (project.directory / "ledger" / "payments.txt").read_text() == "pay 100 to Ada"
    tree_json = json.loads(project.run("job", "tree", job, "--json").stdout)
    assert (tree_json["state"], tree_json["kind"]) == ("SUCCEEDED", "agent")
    assert tree_json["tokens"] == sum(result["total"][key] for key in ("input_tokens", "output_tokens"))
    assert [child["kind"] for child in tree_json["children"]] == ["model", "tool", "model"]
    # and a job that is no agent's run cannot be told anything
    assert project.run("job", "steer", "ExampleMessage/x", "hello").returncode == 2


def test_a_session_goes_on_over_three_runs(project: Project) -> None:
    # given a model that says what came in
    team = team_file(project.directory, '  Solo:\n    - {text: "{{input}}"}\n')
    project.start_worker("--team", str(team))

    # when
    tokens = []
    for text in ("one", "two", "three"):
        done = project.run("run", str(team), "-m", text, "-s", f"talk-{project.queue}", "--json")
        result = json.loads(done.stdout)
        assert (done.returncode, result["answer"]) == (0, text), done.stderr
        tokens.append(result["total"]["input_tokens"])

    # then each was told of those before: its model call costs more
    assert tokens[0] < tokens[1] < tokens[2]


def test_a_handoff_lets_an_agent_with_an_mcp_server_answer(tmp_path: Path) -> None:
    # given a server that is started for the call, as existing files have them under tools
    server = Path(__file__).resolve().parents[1] / "integration" / "teams" / "mcp_server.py"
    team = team_file(
        tmp_path,
        "  Reception:\n    - {calls: [{tool: transfer_to_Clerk}]}\n"
        "  Clerk:\n    - {calls: [{tool: add, args: {a: 40, b: 2}}]}\n    - {text: 'it is {{results}}'}\n",
        agents="  - {name: Reception, instructions: R, can_transfer_to: [Clerk]}\n"
        "  - {name: Clerk, instructions: C, tools: [figures]}",
    )
    with team.open("a") as file:
        file.write(f'tools:\n  - {{name: figures, command: "{sys.executable}", args: ["{server}"]}}\n')

    # when
    done = gnosari("run", str(team), "-m", "sum", cwd=tmp_path)

    # then
    assert (done.returncode, done.stdout) == (0, "it is 42\n"), done.stderr
    assert "tool add of figures" in done.stderr


def test_a_long_run_continues_as_new_by_itself(project: Project) -> None:
    # given turns that fill a history: each one sends the whole conversation
    text = "word " * 2000
    team = team_file(
        project.directory,
        f"  Solo:\n    - {{text: {text}, calls: [{{tool: nothing}}], times: 45}}\n    - {{text: done}}\n",
    )
    project.start_worker("--team", str(team))

    # when
    done = project.run("run", str(team), "-m", "x", "--json")

    # then
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["answer"], result["turns"]) == ("done", 46)

    async def first_and_last(client: GnosariClient) -> tuple[str, str]:
        description = await client.job(result["job"]).workflow.describe()
        return description.raw_description.workflow_execution_info.first_run_id, description.run_id

    first, last = project.ask(first_and_last)
    assert first != last
    assert project.run("job", "tree", result["job"]).stdout.count("model Solo, turn") == 46


def test_team_validates_and_draws(tmp_path: Path) -> None:
    # given a good file and a bad one
    good = str(EXAMPLES / "delegation" / "team.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: Bad\nagents:\n  - name: A\n    instructions: A\n    delegation: [Nobody]\n")

    # then
    checked = gnosari("team", "validate", good, cwd=tmp_path)
    assert checked.returncode == 0
    assert "Editor, Researcher, Archivist" in checked.stdout
    refused = gnosari("team", "validate", str(bad), cwd=tmp_path)
    assert refused.returncode == 2
    assert f"{bad}:5:" in refused.stderr
    drawn = gnosari("team", "graph", good, cwd=tmp_path)
    assert "flowchart TD" in drawn.stdout
    assert gnosari("team", "graph", good, "-o", "team.svg", cwd=tmp_path).returncode == 0
    assert (tmp_path / "team.svg").read_text().lstrip().startswith(("<svg", "<?xml"))
