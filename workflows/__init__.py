"""Every workflow of this project. Senders import messages from here; nothing here imports ``activities``."""

from gnosari_temporal.agents.parts import (
    AgentToolsWorkflow,
    AgentWorkflow,
    McpCallWorkflow,
    ModelCallWorkflow,
    SessionAskWorkflow,
    SessionWorkflow,
    TaskCheckWorkflow,
    TeamOfToolWorkflow,
    ToolExecutionWorkflow,
)

from .example import ExampleMessage, ExampleWorkflow
from .my_feature import (
    MyFeatureMessage,
    MyFeatureWorkflow,
    send_my_feature_message,
    send_my_feature_message_priority,
)
from .report import (
    DiskFiguresWorkflow,
    PackageFiguresWorkflow,
    PublishReportWorkflow,
    ReportMessage,
    ReportWorkflow,
    SystemFiguresWorkflow,
)

WORKFLOWS = (
    ExampleWorkflow,
    MyFeatureWorkflow,
    ReportWorkflow,
    SystemFiguresWorkflow,
    DiskFiguresWorkflow,
    PackageFiguresWorkflow,
    PublishReportWorkflow,
    # the engine's own, which run agents and tools
    AgentWorkflow,
    SessionWorkflow,
    ToolExecutionWorkflow,
    ModelCallWorkflow,
    AgentToolsWorkflow,
    McpCallWorkflow,
    SessionAskWorkflow,
    TaskCheckWorkflow,
    TeamOfToolWorkflow,
)

__all__ = [
    "WORKFLOWS",
    "ExampleMessage",
    "MyFeatureMessage",
    "ReportMessage",
    "send_my_feature_message",
    "send_my_feature_message_priority",
]
