"""`gnosari send --file` and `gnosari batch`."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import pytest

from .project import Project, poll


def lines(*messages: object) -> str:
    return "".join(json.dumps(message) + "\n" for message in messages)


def write(project: Project, *messages: object) -> str:
    path = project.directory / f"{uuid.uuid4().hex}.jsonl"
    path.write_text(lines(*messages) + "\n")
    return str(path)


def shown(project: Project, batch: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(project.run("batch", "show", batch, "--json").stdout)
    return found


def test_the_lines_of_a_file_become_a_batch_whose_results_come_in_order(served: Project) -> None:
    # given
    file = write(served, *({"user_id": f"u{n}"} for n in range(120)))

    # when
    sent = served.run("send", "ExampleMessage", "--file", file)
    batch = sent.stdout.strip()
    results = served.run("batch", "results", batch, "--timeout", "60s")

    # then
    assert (sent.returncode, results.returncode) == (0, 0)
    found = [json.loads(line) for line in results.stdout.splitlines()]
    assert [outcome["index"] for outcome in found] == list(range(120))
    assert [outcome["result"]["greeting"] for outcome in found] == [f"Hello, u{n}!" for n in range(120)]
    status = shown(served, batch)
    assert (status["state"], status["done"], status["total"]) == ("SUCCEEDED", 120, 120)
    job = json.loads(served.run("job", "show", found[7]["job"], "--json").stdout)
    assert (job["state"], job["summary"]) == ("SUCCEEDED", "user_id u7, action greet")
    assert served.run("job", "result", found[7]["job"]).stdout.strip() == '{"greeting": "Hello, u7!"}'


def test_lines_may_name_their_type_and_options_and_come_from_standard_input(served: Project) -> None:
    messages = lines(
        {"type": "ExampleMessage", "message": {"user_id": "a"}, "priority": 1},
        {"type": "MyFeatureMessage", "message": {"user_id": "b", "task_type": "analyze"}},
    )

    waited = served.run("send", "--file", "-", "--wait", "--timeout", "60s", input=messages)

    assert waited.returncode == 0
    assert [json.loads(line)["result"] for line in waited.stdout.splitlines()] == [
        {"greeting": "Hello, a!"},
        {"user_id": "b", "done": "analyze"},
    ]


def test_a_failed_message_exits_1_and_is_listed(served: Project) -> None:
    file = write(served, {"user_id": "a"}, {"user_id": "b", "action": "fail"})

    waited = served.run("send", "ExampleMessage", "--file", file, "--light", "--wait", "--timeout", "60s")

    assert waited.returncode == 1
    good, bad = (json.loads(line) for line in waited.stdout.splitlines())
    assert good["result"] == {"greeting": "Hello, a!"}
    assert bad["error"]["type"] == "ValueError"
    batch = good["job"].partition("#")[0]
    table = served.run("batch", "show", batch, "--failed").stdout
    assert "failed    1" in table
    assert bad["job"] in table


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"user_id": 1}', ":2: ExampleMessage: user_id: Input should be a valid string (got 1)"),
        ('{"user_id": "a", "acton": "x"}', "did you mean 'action'?"),
        ("{", ":2: no JSON"),
        ("[1]", ":2: a line is a JSON object, this one is list"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(served: Project, line: str, words: str) -> None:
    path = served.directory / f"{uuid.uuid4().hex}.jsonl"
    path.write_text(f'{{"user_id": "a"}}\n{line}\n')

    sent = served.run("send", "ExampleMessage", "--file", str(path))

    assert sent.returncode == 2
    assert words in sent.stderr
    assert str(path) in sent.stderr
    assert "Traceback" not in sent.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["send", "--file", "nothing.jsonl"], "No such file"),
        (["send", "ExampleMessage", "{}", "--file", "x"], "leave JSON and --id out"),
        (["send", "ExampleMessage", '{"user_id": "a"}', "--light"], "options of --file"),
        (["send", "ExampleMessage"], "Missing argument 'JSON'"),
        (["send"], "Missing argument 'TYPE'"),
        (["send", "NoSuchMessage", "--file", "-"], "unknown message type 'NoSuchMessage'"),
        (["send", "ExampleMessage", "--file", "-", "--batch", "a/b"], "batch id 'a/b'"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(served: Project, arguments: list[str], words: str) -> None:
    ran = served.run(*arguments, input="")

    assert ran.returncode == 2
    assert words in ran.stderr


def test_a_batch_that_is_not_there_exits_4(served: Project) -> None:
    for command in ("show", "results", "cancel"):
        ran = served.run("batch", command, "nothing")

        assert ran.returncode == 4
        assert ran.stderr.startswith("Error: no batch nothing on the server: it was never sent there, or it has been")


def test_a_batch_can_be_cancelled(served: Project, tmp_path: Path) -> None:
    file = write(served, {"folder": str(tmp_path)})
    batch = served.run("send", "SlowMessage", "--file", file).stdout.strip()
    poll(lambda: (tmp_path / "started").exists())

    assert served.run("batch", "cancel", batch).returncode == 0

    assert served.run("batch", "results", batch, "--timeout", "30s").returncode == 1
    assert (tmp_path / "cancelled").exists()
    assert shown(served, batch)["state"] == "CANCELLED"


def test_a_sender_that_is_killed_half_way_sends_again_and_the_batch_completes(served: Project, tmp_path: Path) -> None:
    # given a sender that reads a pipe and is killed after 250 of 300 lines
    messages = [{"user_id": f"u{n}"} for n in range(300)]
    batch = f"batch-{uuid.uuid4().hex[:8]}"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sender = served.start("send", "ExampleMessage", "--file", str(pipe), "--batch", batch)
    with pipe.open("w") as source:
        source.write(lines(*messages[:250]))
        source.flush()
        poll(lambda: served.run("batch", "show", batch).returncode == 0, what="the first chunk")
        sender.process.kill()
        sender.wait()
    status = shown(served, batch)
    assert (status["total"], status["complete"]) == (100, False)

    # when
    again = served.run("send", "ExampleMessage", "--file", write(served, *messages), "--batch", batch, "--wait")

    # then
    assert again.returncode == 0
    assert len(again.stdout.splitlines()) == 300
    assert shown(served, batch)["complete"] is True
    other = served.run("send", "ExampleMessage", "--file", write(served, *messages[1:]), "--batch", batch)
    assert other.returncode == 2
    assert f"batch id '{batch}' was used for other messages" in other.stderr
