"""Models over real HTTP: an OpenAI-compatible server on loopback."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Any

import pytest

from gnosari_temporal import JobFailed, Settings
from gnosari_temporal.agents import TeamSpec, parse_team
from gnosari_temporal.client.tree import JobTree

from .agents_http import Call, OpenAIServer, Reply

TEAM = """
name: Help
config: {model: test-model, temperature: 0.5, prices: {test-model: {input: 2, output: 10}}}
agents:
  - {name: Helper, instructions: You help.}
"""


def with_model(settings: Settings, server: OpenAIServer, **environ: str) -> dict[str, Any]:
    """Options of a worker whose models are at the server."""
    more = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-secret", **environ}
    return {"settings": settings.model_copy(update={"environ": {**settings.environ, **more}})}


@pytest.fixture
def team() -> TeamSpec:
    return parse_team(TEAM).team


async def test_an_openai_compatible_server_answers(
    team: TeamSpec, run: Any, model_server: Any, team_settings: Settings
) -> None:
    # given
    server = model_server(lambda call: Reply(f"echo {call.last}", tokens=(1000, 100)))

    # when
    job = await run(team, "hello", worker=with_model(team_settings, server))
    result = await job.result(60)

    # then
    assert result["answer"] == "echo hello"
    assert result["total"]["input_tokens"] == 1000
    assert result["total"]["cost"] == pytest.approx(0.003)
    request = server.calls[0].body
    assert (request["model"], request["temperature"], server.calls[0].system) == ("test-model", 0.5, "You help.")
    # and the key is in no history
    history = (await job.workflow.fetch_history()).to_json()
    assert "sk-secret" not in history


async def test_rate_limits_and_server_errors_are_waited_out_as_the_provider_says(
    team: TeamSpec, run: Any, model_server: Any, team_settings: Settings
) -> None:
    # given a server that is busy, then broken, then well
    answers = [
        Reply("slow down", status=429, headers={"retry-after": "1.5"}),
        Reply("oops", status=500),
        Reply("at last"),
    ]
    server = model_server(lambda call: answers[len(server.calls) - 1])

    # when
    job = await run(team, worker=with_model(team_settings, server))
    result = await job.result(60)

    # then each was asked once, and it waited as told
    assert result["answer"] == "at last"
    assert len(server.calls) == 3
    first, second, third = (call.at for call in server.calls)
    assert second - first >= 1.5
    assert third - second >= 1.5  # the policy: 2 s ± 10 %


async def test_a_bad_request_fails_at_once_with_the_providers_words(
    team: TeamSpec, run: Any, model_server: Any, team_settings: Settings
) -> None:
    # given
    server = model_server(lambda call: Reply("the model 'test-model' does not exist", status=400))

    # when
    job = await run(team, worker=with_model(team_settings, server))
    with pytest.raises(JobFailed) as caught:
        await job.result(60)

    # then
    assert caught.value.exception_type == "ModelRefused"
    assert "HTTP 400: the model 'test-model' does not exist" in caught.value.exception_message
    assert len(server.calls) == 1


async def test_a_server_that_cannot_be_reached_is_tried_again(
    team: TeamSpec, run: Any, model_server: Any, team_settings: Settings
) -> None:
    # given nobody at the address
    server = model_server(lambda call: Reply("x"))
    options = with_model(team_settings, server, OPENAI_BASE_URL="http://127.0.0.1:9/v1")

    # when
    job = await run(team, worker=options)

    # then
    async with asyncio.timeout(30):
        while (status := await job.status()).state != "RETRYING":
            await asyncio.sleep(0.05)
    assert "ModelUnavailable" in status.reason
    await job.terminate()


async def test_a_worker_without_a_key_says_what_to_set(team: TeamSpec, run: Any, team_settings: Settings) -> None:
    job = await run(team)

    with pytest.raises(JobFailed, match="OPENAI_API_KEY is not set on the worker"):
        await job.result(60)


async def test_a_streamed_answer_is_the_same_and_its_text_is_seen_while_it_is_made(
    team: TeamSpec, run: Any, model_server: Any, team_settings: Settings
) -> None:
    # given
    words = " ".join(f"word{n}" for n in range(12))
    server = model_server(lambda call: Reply(words, pause=0.2))

    # when
    job = await run(team, worker=with_model(team_settings, server), stream=True)
    seen: set[str] = set()
    waiting = asyncio.create_task(job.result(60))
    while not waiting.done():
        progress = await job.progress()
        if isinstance(progress, dict) and progress.get("text"):
            seen.add(progress["text"])
        await asyncio.sleep(0.05)
    result = await waiting

    # then
    assert result["answer"] == words
    assert result["total"]["input_tokens"] == 10
    assert seen
    assert all(words.startswith(text) for text in seen)
    assert min(map(len, seen)) < len(words)


async def test_tools_calls_of_a_model_are_made_and_answered(
    run: Any, model_server: Any, team_settings: Settings, tmp_path: Any, gnosari_client: Any
) -> None:
    # given a model that writes two files at once and reads one that is not there
    team = parse_team(
        f"""
        name: Files
        config: {{model: test-model}}
        tools:
          - {{name: files, module: gnosari.tools.builtin.file_operations, class: FileOperationsTool,
              args: {{base_directory: "{tmp_path}"}}}}
        agents:
          - {{name: Clerk, instructions: Keep files., tools: [files]}}
        """
    ).team

    def answer(call: Call) -> Reply:
        if call.turn == 1:
            names = ("a.txt", "b.txt")
            return Reply(calls=[("files", {"operation": "write", "file_path": n, "content": n}) for n in names])
        if call.turn == 2:
            return Reply(calls=[("files", {"operation": "read", "file_path": "c.txt"}), ("files", {"nonsense": 1})])
        return Reply("done: " + " | ".join(m["content"] for m in call.body["messages"] if m["role"] == "tool"))

    server = model_server(answer)

    # when
    job = await run(team, worker=with_model(team_settings, server))
    result = await job.result(60)

    # then
    assert (tmp_path / "a.txt").read_text() == "a.txt"
    assert (tmp_path / "b.txt").read_text() == "b.txt"
    assert "files failed:" in result["answer"]
    tool = server.calls[0].body["tools"][0]["function"]
    assert tool["name"] == "files"
    assert "execution_mode" in tool["parameters"]["properties"]
    tree = await JobTree(gnosari_client.temporal, job.id).read()
    assert [node.state for node in tree.children if node.kind == "tool"] == [
        "SUCCEEDED", "SUCCEEDED", "FAILED", "FAILED",
    ]  # fmt: skip


async def test_the_responses_api_is_spoken_where_the_settings_say_so(
    team: TeamSpec, run: Any, model_server: Any, team_settings: Settings
) -> None:
    # given
    server = model_server(lambda call: Reply("from responses", tokens=(7, 3)))
    options = with_model(team_settings, server)
    options["settings"] = options["settings"].model_copy(update={"openai_api": "responses"})

    # when
    result = await (await run(team, "hello", worker=options)).result(60)

    # then
    assert result["answer"] == "from responses"
    assert result["total"]["output_tokens"] == 3
    assert server.paths == ["/v1/responses"]


@pytest.mark.skipif(find_spec("litellm") is not None, reason="the extra is installed")
async def test_a_model_of_another_provider_without_its_extra_says_what_to_install(scripted: Any, run: Any) -> None:
    team = scripted({}, agents=[{"name": "A", "instructions": "A", "model": "litellm/anthropic/claude"}])

    with pytest.raises(JobFailed, match=r"ModelNotConfigured: .* pip install 'gnosari-temporal\[litellm\]'"):
        await (await run(team)).result(60)
