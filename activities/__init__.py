"""Every consumer of this project, and what they share."""

from gnosari_temporal.agents.parts import (
    AgentToolsConsumer,
    McpCallConsumer,
    ModelCallConsumer,
    SessionAskConsumer,
    TaskCheckConsumer,
    TeamOfToolConsumer,
    ToolExecutionConsumer,
)

from .example import ExampleConsumer
from .library import lifespan
from .my_feature import MyFeatureConsumer
from .report import (
    DiskFiguresConsumer,
    PackageFiguresConsumer,
    PublishReportConsumer,
    SystemFiguresConsumer,
)

ACTIVITIES = (
    ExampleConsumer,
    MyFeatureConsumer,
    SystemFiguresConsumer,
    DiskFiguresConsumer,
    PackageFiguresConsumer,
    PublishReportConsumer,
    # the engine's own, which run agents and tools
    ToolExecutionConsumer,
    ModelCallConsumer,
    AgentToolsConsumer,
    McpCallConsumer,
    SessionAskConsumer,
    TaskCheckConsumer,
    TeamOfToolConsumer,
)

LIFESPAN = lifespan

__all__ = ["ACTIVITIES", "LIFESPAN"]
