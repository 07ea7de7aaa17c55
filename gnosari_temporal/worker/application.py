"""The application: what a worker runs, and what its consumers depend on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ..consumers import BaseConsumer
from ..errors import DefinitionError, ProjectError
from ..execution.workflows import is_sandboxed, message_type_of_workflow, workflow_for, workflow_name
from ..messages import BaseMessage
from ..registry import Registry, brings_parts, parts_of
from ..settings import Settings
from ..tools.consumer import ToolExecutionConsumer

if TYPE_CHECKING:
    from ..agents.team import TeamSpec
    from ..tools.spec import ToolSpec

_ENGINE = "gnosari_temporal."

Lifespan: TypeAlias = Callable[[], AbstractAsyncContextManager[Mapping[str, Any] | None]]
"""Opens what consumers share (a pool, a client), once for each worker, and closes it: an
``@asynccontextmanager`` function that yields a dict of names."""

ConsumerFactory: TypeAlias = Callable[[type[BaseConsumer[Any, Any]], Mapping[str, Any]], BaseConsumer[Any, Any]]
"""Makes a consumer from its class and what the lifespan opened."""


@dataclass
class Application:
    """Messages, workflows and consumers with their shared resources."""

    registry: Registry
    lifespan: Lifespan | None = None
    factory: ConsumerFactory | None = None
    modules: set[str] = field(default_factory=set)
    """Modules that hold message types, passed through the workflow sandbox. One that holds a sandboxed workflow too is
    not: what is passed through is not checked."""
    queues: set[str] = field(default_factory=set)
    """Queues that a worker serves by default, beside those that consumers declare."""
    teams: tuple[TeamSpec, ...] = ()
    """Teams whose agents and tools are run; a run brings its own team along."""
    allowed_tools: tuple[str, ...] = ()
    """``module:Class`` of the tools that the application's teams name, beside those that the settings allow."""
    limited_tools: tuple[ToolSpec, ...] = ()
    """Tools of the application's teams that have a rate limit, and with it a queue of their own."""

    @classmethod
    def build(
        cls,
        settings: Settings | None = None,
        *,
        consumers: Iterable[Any] = (),
        workflows: Iterable[type] = (),
        messages: Iterable[type[BaseMessage]] = (),
        lifespan: Lifespan | None = None,
        factory: ConsumerFactory | None = None,
    ) -> Application:
        """An application from its parts; message types without a workflow of their own get one.

        Raises:
            RegistryError: two parts have the same name, or a message type two consumers.
            DefinitionError: a part is not what it should be.
        """
        time_limit = settings.time_limit if settings else None
        application = cls(Registry(time_limit=time_limit), lifespan=lifespan, factory=factory)
        application.add(consumers=consumers, workflows=workflows, messages=messages)
        return application

    def add(
        self,
        *,
        consumers: Iterable[Any] = (),
        workflows: Iterable[type] = (),
        messages: Iterable[type[BaseMessage]] = (),
    ) -> None:
        """Add parts; adding the same one again changes nothing. ``consumers`` are classes, or objects that bring
        parts (``registry.Parts``), as an app and the tasks of the Celery-shaped shim do."""
        classes: list[Any] = []
        workflows = list(workflows)
        for item in consumers:
            if not brings_parts(item):
                classes.append(item)
                continue
            brought = parts_of(item)
            classes.extend(brought.consumers)
            workflows.extend(brought.workflows)
            self.queues.update(brought.queues)
        for workflow in workflows:
            self.registry.add_workflow(workflow_name(workflow), workflow)
            message_type = message_type_of_workflow(workflow)
            if message_type is not None:
                self.registry.add_message_type(message_type)
        for message in messages:
            self.registry.add_message_type(message)
        for consumer in classes:
            if not (isinstance(consumer, type) and issubclass(consumer, BaseConsumer)):
                raise DefinitionError(f"{consumer!r} is no consumer: subclass BaseConsumer")
            self.registry.add_consumer(consumer)
        served = {policy.message_type for policy in self.registry}
        for name, message_type in self.registry.message_types.items():
            if name in served and not self.registry.has_workflow(name):
                self.registry.add_workflow(name, workflow_for(message_type))
        messages_in = {message_type.__module__ for message_type in self.registry.message_types.values()}
        self.modules = messages_in - {w.__module__ for w in self.registry.workflows.values() if is_sandboxed(w)}

    def add_tools(self) -> None:
        """Add what runs tools in async mode: builtin ones, and those that settings and teams allow."""
        from ..agents.tool_delegation import ToolExecutionWorkflow

        self.add(workflows=[ToolExecutionWorkflow], consumers=[ToolExecutionConsumer])

    def add_team(self, team: TeamSpec | None = None) -> None:
        """Add what runs agents and tools, allow the tools of a team and serve its queues."""
        from ..agents.parts import AGENT_CONSUMERS, AGENT_WORKFLOWS

        self.add(workflows=AGENT_WORKFLOWS, consumers=AGENT_CONSUMERS)
        if team is not None:
            self.teams = (*self.teams, team)
            self.allowed_tools = tuple(dict.fromkeys((*self.allowed_tools, *team.allowed_tools)))
            self.limited_tools += tuple(tool for tool in team.tools if tool.rate_limit is not None)
            self.queues.update(team.queues)

    def check(self) -> None:
        """Make sure that every message type can be processed.

        Raises:
            ProjectError: a message type has the default workflow and no consumer.
        """
        served = {policy.message_type for policy in self.registry}
        for name, workflow in self.registry.workflows.items():
            if getattr(workflow, "message_type", None) is not None and name not in served:
                raise ProjectError(
                    f"{name} has a workflow and no consumer: write a BaseConsumer for it and list it in ACTIVITIES"
                )

    def make_consumer(
        self, consumer: type[BaseConsumer[Any, Any]], resources: Mapping[str, Any]
    ) -> BaseConsumer[Any, Any]:
        """A consumer with its dependencies: arguments of ``__init__`` by name, from the resources.

        Raises:
            DefinitionError: a required argument is not among them.
        """
        if self.factory is not None and not consumer.__module__.startswith(_ENGINE):
            return self.factory(consumer, resources)
        if consumer.__init__ is object.__init__:
            return consumer()
        given: dict[str, Any] = {}
        for name, parameter in inspect.signature(consumer).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if name in resources:
                given[name] = resources[name]
            elif parameter.default is parameter.empty:
                opened = ", ".join(sorted(resources)) or "nothing"
                raise DefinitionError(
                    f"{consumer.__name__}.__init__ needs {name!r}, the application's lifespan opened {opened}: "
                    "yield it there by that name, or give it a default"
                )
        return consumer(**given)
