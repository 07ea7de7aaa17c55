"""Command lines of Celery, and the command to type instead."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .rules import Rule, rule, rule_for

_SUBCOMMANDS = frozenset(
    {
        *("worker", "multi", "beat", "flower", "events", "inspect", "status", "list", "report", "control", "purge"),
        *("amqp", "migrate", "call", "result", "shell", "graph", "logtool", "upgrade"),
    }
)
_GLOBAL_OPTIONS = frozenset(
    {
        *("-A", "--app", "-b", "--broker", "--result-backend", "--loader", "--config", "--workdir", "-C", "--no-color"),
        *("-q", "--quiet", "--skip-checks"),
    }
)
_FLAGS = frozenset({"-C", "--no-color", "-q", "--quiet", "--skip-checks"})
_NAMES = {"celeryd": "worker", "celerybeat": "beat", "celeryev": "events", "flower": "flower"}
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "(", ")", "{", "}", "then", "do", "else"})
_WITHOUT_ARGUMENTS = frozenset({"worker", "beat", "flower", "status", "events"})
_WORKER_OPTIONS = {
    "-Q": "--queue",
    "--queues": "--queue",
    "-c": "--concurrency",
    "--concurrency": "--concurrency",
    "-l": "--loglevel",
    "--loglevel": "--loglevel",
    "--max-tasks-per-child": "--max-jobs-per-process",
    "--maxtasksperchild": "--max-jobs-per-process",
}
_WORKER_SHORT = frozenset({"-Q", "-c", "-l", "-n", "-P", "-X", "-O", "-I", "-S", "-s", "-f"})
_STARTERS = frozenset(
    {
        *("exec", "time", "sudo", "env", "nohup", "command", "nice", "gosu", "su-exec", "tini", "dumb-init"),
        *("poetry", "pipenv", "uv", "pdm", "hatch", "rye", "pixi", "run", "watchmedo", "auto-restart", "watchfiles"),
        *("python", "python2", "python3", "django-admin", "sh", "bash", "honcho", "ddtrace-run", "newrelic-admin"),
    }
)
_OTHER_PROGRAMS = frozenset(
    {
        *("pip", "pip3", "apt", "apt-get", "apk", "yum", "service", "systemctl", "supervisorctl", "echo", "printf"),
        *("grep", "pgrep", "pkill", "killall", "rm", "mkdir", "cd", "ls", "cat", "logger", "tail", "git"),
    }
)


@dataclass(frozen=True)
class Command:
    """One command line of Celery's: its rule, and what takes its place; ``app`` is the module that ``-A`` named."""

    rule: Rule
    remedy: str
    app: str = ""


def commands_in(text: str) -> Iterator[Command]:
    """The command lines of Celery's in one line of shell."""
    if "celery" not in text and "flower" not in text:
        return
    for words in _split(text):
        command = command_of_words(words)
        if command is not None:
            yield command
        elif not _OTHER_PROGRAMS.intersection(map(_program, words)):
            yield from _nested(words)


def _nested(words: Sequence[str]) -> Iterator[Command]:
    """``sh -c "celery …"``: the words that are themselves a command line."""
    for word in words:
        if re.search(r"\s", word):
            yield from commands_in(word)


def _split(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();|&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError:
        words = text.split()
    command: list[str] = []
    for word in words:
        if word in _SEPARATORS or set(word) <= set("();|&"):
            yield command
            command = []
        else:
            command.append(word)
    yield command


def command_of_words(words: Sequence[str]) -> Command | None:
    """The command of Celery's that a list of words is, whatever starts it (``poetry run``, ``python -m``, ``exec``)."""
    for position, word in enumerate(words):
        name = word.rsplit("/", 1)[-1]
        if name != "celery" and name not in _NAMES:
            continue
        before, rest = [_program(other) for other in words[:position]], list(words[position + 1 :])
        if _OTHER_PROGRAMS.intersection(before):
            return None
        starts = all(_only_starts(other) for other in before)
        has_options = any(other.startswith("-") for other in rest)
        if name != "celery":
            if starts and has_options:
                return _command(_NAMES[name], rest, "")
        elif starts or has_options:
            return _celery(rest)
    return None


def _program(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def _only_starts(word: str) -> bool:
    """Whether a word before ``celery`` is only there to start it: ``exec``, ``poetry run``, ``python -m``, ``A=b``."""
    return word in _STARTERS or word.startswith("-") or "=" in word or word.endswith((".sh", ".py"))


def _celery(words: list[str]) -> Command | None:
    app, subcommand, rest = "", "", list[str]()
    position = 0
    while position < len(words):
        word = words[position]
        name, _, value = word.partition("=")
        if name in ("-A", "--app"):
            if not value:
                position += 1
                value = words[position] if position < len(words) else ""
            app = app or value
        elif word.startswith("-A") and len(word) > 2 and not word.startswith("--"):
            app = app or word[2:]
        elif not subcommand and name in _GLOBAL_OPTIONS and name not in _FLAGS and not value:
            position += 1
        elif not subcommand and word in _SUBCOMMANDS:
            subcommand = word
        elif not subcommand and not word.startswith("-"):
            return None
        else:
            rest.append(word)
        position += 1
    if not subcommand or (subcommand in _WITHOUT_ARGUMENTS and not any(word.startswith("-") for word in rest) and rest):
        return None
    return _command(subcommand, rest, app.split(":")[0])


def _command(subcommand: str, rest: list[str], app: str) -> Command:
    if subcommand == "worker":
        if any(word in ("-B", "--beat") for word in rest):
            replaced = f"{_worker(rest, app)}, and `gnosari schedule create` for each entry of the schedule"
            return Command(rule("command.beat"), replaced, app)
        return Command(rule("command.worker"), _worker(rest, app), app)
    if subcommand == "call" and rest and not rest[0].startswith("-"):
        return Command(rule("command.call"), f"`gnosari send {rest[0]} JSON --wait`")
    if subcommand == "result" and rest and not rest[0].startswith("-"):
        return Command(rule("command.call"), f"`gnosari job result {rest[0]}`")
    found = rule_for(f"command:{subcommand}")
    assert found is not None, subcommand
    return Command(found, found.remedy)


def _worker(rest: list[str], app: str) -> str:
    """The ``gnosari worker`` command of a worker's options; what falls away is named."""
    words = ["gnosari", "worker"]
    if any(word in ("-D", "--detach") for word in rest):
        words.append("start")
    if app:
        words += ["--module", app]
    dropped: list[str] = []
    for name, value in _pairs(rest):
        if name in _WORKER_OPTIONS and value:
            words += [
                _WORKER_OPTIONS[name],
                value.lower() if value.isalpha() and name in ("-l", "--loglevel") else value,
            ]
        elif name in ("--max-memory-per-child", "--maxmemperchild") and value:
            words += ["--max-memory", f"{int(value) // 1000}MB" if value.isdigit() else value]
        elif name in ("-D", "--detach"):
            words.append("--detach")
        elif name not in ("-B", "--beat"):
            dropped.append(name)
    command = f"`{' '.join(words)}`"
    return f"{command} (without {', '.join(dropped)})" if dropped else command


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            continue
        if not equals and len(word) > 2 and word[:2] in _WORKER_SHORT and not word.startswith("--"):
            name, value = word[:2], word[2:]
        elif not equals and position < len(words) and not words[position].startswith("-"):
            value = words[position]
            position += 1
        yield name, value
