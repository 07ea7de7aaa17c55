"""Which commands a team file's patterns allow."""

import pytest

from gnosari_temporal.errors import ToolDefinitionError, ToolInputError
from gnosari_temporal.tools.commands.patterns import CommandPatterns


def patterns(*allowed: str, blocked: tuple[str, ...] = (), shell: bool = False) -> CommandPatterns:
    return CommandPatterns(allowed, blocked, shell)


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("git", "git"),
        ("git", "git log --oneline -3"),
        ("git status", "git status"),
        ("git status", "git  'status'"),
        ("git log *", "git log"),
        ("git log *", "git log -p -- 'a file'"),
        ("python report-?.py", "python report-7.py"),
        ("*", "/bin/anything at all"),
        ("./tools/*", "./tools/build now"),
        ("grep", "grep 'a|b;c>d' file"),
        ("find", "find . -name x -exec ls {} \\;"),
        ("echo", 'echo "$HOME"'),
    ],
)
def test_a_command_that_matches_is_allowed(pattern: str, command: str) -> None:
    assert patterns(pattern).check(command)


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("git", "gitevil"),
        ("git", "rm -rf ."),
        ("git", "/tmp/git status"),
        ("git", "./git status"),
        ("git", "../git"),
        ("py*", "py/../../../bin/sh"),
        ("./tools/*", "./tools/../../../bin/sh"),
        ("git status", "git status --short"),
        ("git status", "git"),
        ("git log *", "git push"),
        ("GIT", "git"),
        ("git", "env git"),
    ],
)
def test_a_command_that_does_not_match_is_refused(pattern: str, command: str) -> None:
    with pytest.raises(ToolInputError, match="allowed_commands are"):
        patterns(pattern).check(command)


@pytest.mark.parametrize(
    ("command", "mark"),
    [("git log | sh", "|"), ("git log; rm x", ";"), ("git log && rm x", "&"), ("git log > /etc/x", ">"),
     ("git log `id`", "`"), ("git log $(id)", "$"), ("git log $HOME", "$"), ("git log\nrm x", "\\n"),
     ("git log 'a' ; b", ";"), ("git log \\\\; b", ";"), ("(git log)", "(")],
)  # fmt: skip
def test_what_only_a_shell_can_do_is_refused_by_name(command: str, mark: str) -> None:
    with pytest.raises(ToolInputError, match="needs a shell") as caught:
        patterns("git", "*").check(command)

    assert f"'{mark}' needs a shell" in str(caught.value)


def test_without_patterns_nothing_runs() -> None:
    with pytest.raises(ToolInputError, match="allows no commands; list them as allowed_commands"):
        CommandPatterns(()).check("true")


def test_a_blocked_command_is_refused_although_a_pattern_allows_it() -> None:
    some = patterns("git", blocked=("git push *",))

    some.check("git pull")
    with pytest.raises(ToolInputError, match="among blocked_commands"):
        some.check("git push origin main")


def test_with_a_shell_only_the_whole_command_counts() -> None:
    some = patterns("ls | wc -l", "git", shell=True)

    assert some.check(" ls | wc -l ") == ["ls | wc -l"]
    for command in ("ls | wc -l; rm x", "git log", "ls"):
        with pytest.raises(ToolInputError, match="only if it equals one of allowed_commands"):
            some.check(command)
    assert patterns("*", shell=True).check("anything; at | all") == ["anything; at | all"]


@pytest.mark.parametrize("command", ["", "  ", "''", "git 'unfinished", "a\0b", "# comment"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(ToolInputError, match="command: "):
        patterns("git").check(command)


@pytest.mark.parametrize("pattern", ["", " ", "git 'x"])
def test_a_broken_pattern_is_refused_when_the_tool_is_made(pattern: str) -> None:
    with pytest.raises(ToolDefinitionError, match="command pattern"):
        patterns(pattern)
